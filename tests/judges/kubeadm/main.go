// Command kubeadm is kubeadm of one release as it stands there. `go install` can't make it: replacements in the go.mod of a dependency do not count.
package main

import (
	"k8s.io/kubernetes/cmd/kubeadm/app"
	utilerrors "k8s.io/kubernetes/cmd/kubeadm/app/util/errors"
)

func main() {
	utilerrors.HandleError(app.Run())
}
