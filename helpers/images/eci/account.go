package main

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// Account is what ECI gives this account at the moment: the ConfigMap eci-account of kube-system, which is ours, stands for
// it. A chapter can let ECI have none left.
type Account struct {
	Quota   float64 // vCPU of all instances together; 0 for no limit
	SoldOut []Size
}

// accountOf reads quota-vcpu and sold-out ("2-4Gi,4-8Gi"); without a ConfigMap there is enough of everything.
func accountOf(config *corev1.ConfigMap) (Account, error) {
	account := Account{}
	if config == nil {
		return account, nil
	}
	if quota := config.Data["quota-vcpu"]; quota != "" {
		var err error
		if account.Quota, err = strconv.ParseFloat(quota, 64); err != nil || account.Quota < 0 {
			return account, refusal("InvalidAccount", "ConfigMap kube-system/eci-account: quota-vcpu %q is no number of vCPUs", quota)
		}
	}
	for _, word := range splitList(config.Data["sold-out"]) {
		size, err := parseSize(word)
		if err != nil {
			return account, refusal("InvalidAccount", "ConfigMap kube-system/eci-account: sold-out: %q is no spec of ECI", word)
		}
		account.SoldOut = append(account.SoldOut, size)
	}
	return account, nil
}

func (a Account) inStock(size Size) bool { return !slices.Contains(a.SoldOut, size) }
