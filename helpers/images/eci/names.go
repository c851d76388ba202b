package main

// The names that ECI reads, as ACK documents them.
const (
	prefix            = "k8s.aliyun.com/"
	useSpecs          = prefix + "eci-use-specs"
	spotStrategy      = prefix + "eci-spot-strategy"
	spotPriceLimit    = prefix + "eci-spot-price-limit"
	imageCacheMatch   = prefix + "eci-image-cache"
	imageSnapshot     = prefix + "eci-image-snapshot-id"
	vSwitchChoice     = prefix + "eci-vswitch"
	vSwitchStrategy   = prefix + "eci-schedule-strategy"
	extraStorage      = prefix + "eci-extra-ephemeral-storage"
	providerTaint     = "virtual-kubelet.io/provider"
	providerTaintName = "alibabacloud"
)

// The labels of our containers and volumes. Docker keeps them, so they are all the memory that the provider needs.
const (
	labelOwner     = "acplab.dev/owner"     // the owner id of the acplab home
	labelCluster   = "acplab.dev/cluster"   // the kind cluster
	labelRole      = "acplab.dev/eci"       // sandbox, container or volume
	labelPod       = "acplab.dev/pod"       // namespace/name
	labelUID       = "acplab.dev/pod-uid"   // of the Pod
	labelContainer = "acplab.dev/container" // its name in the Pod
	labelAttempt   = "acplab.dev/attempt"   // 0, then 1 for the first restart, ...
	labelCrashes   = "acplab.dev/crashes"   // restarts in a row, for the back-off
	labelForm      = "acplab.dev/pod-form"  // the Pod as JSON, on the sandbox
	labelInstance  = "acplab.dev/instance-size"
)
