// Etcd, upstream's server as it is; a main package of ours gives the binary its name.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
