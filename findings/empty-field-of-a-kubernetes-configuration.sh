#!/bin/sh
# A field that is left empty in a configuration file of a Kubernetes component, as templates leave it, is as if it were not there: YAML
# reads it as null, and Go's decoders pass over that. Not so a duration: metav1.Duration reads the null itself, as an empty text, and
# the whole file is refused, with a message that names no field. Where the very same type stands behind a pointer, null is passed over,
# so it depends on the field: of kube-proxy's, `conntrack.tcpEstablishedTimeout:` may be empty and `conntrack.udpTimeout:` may not.
#
# Seen with k8s.io/apimachinery 0.37.2, k8s.io/kube-proxy 0.37.2 and k8s.io/kubelet 0.37.2. Exits with 0 while this is so, with 1 when it
# has changed. Needs Go.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >main.go <<'END'
package main

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	proxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"
)

func main() {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{proxy.AddToScheme, kubelet.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	kinds := map[string]string{
		"KubeProxyConfiguration": "kubeproxy.config.k8s.io/v1alpha1",
		"KubeletConfiguration":   "kubelet.config.k8s.io/v1beta1",
	}
	changed := false
	for _, one := range []struct{ kind, field, expected string }{
		{"KubeletConfiguration", "maxPods:", ""},
		{"KubeletConfiguration", "clusterDomain:", ""},
		{"KubeletConfiguration", "cpuCFSQuotaPeriod:", ""},
		{"KubeletConfiguration", "syncFrequency:", `time: invalid duration ""`},
		{"KubeProxyConfiguration", "conntrack: {tcpEstablishedTimeout: }", ""},
		{"KubeProxyConfiguration", "conntrack: {udpTimeout: }", `time: invalid duration ""`},
	} {
		text := fmt.Sprintf("apiVersion: %s\nkind: %s\n%s\n", kinds[one.kind], one.kind, one.field)
		_, _, err := decoder.Decode([]byte(text), nil, nil)
		said := ""
		if err != nil {
			said = err.Error()
		}
		fmt.Printf("%-24s %-38s %s\n", one.kind, one.field, map[bool]string{true: "taken", false: said}[said == ""])
		changed = changed || said != one.expected
	}
	if changed {
		os.Exit(1)
	}
}
END
go mod init example >/dev/null 2>&1
go get k8s.io/apimachinery@v0.37.2 k8s.io/kube-proxy@v0.37.2 k8s.io/kubelet@v0.37.2 >/dev/null 2>&1
GOFLAGS=-mod=mod go run .
