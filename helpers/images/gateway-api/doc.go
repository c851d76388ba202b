// Package gatewayapi pins the Gateway API release whose CRDs a lab cluster gets.
package gatewayapi

import _ "sigs.k8s.io/gateway-api/apis/v1"
