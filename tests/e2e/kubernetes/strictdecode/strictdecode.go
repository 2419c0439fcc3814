// Package strictdecode reads files as the components of this version read them, but strictly: what they would pass over
// (a field that this version does not know, a field that stands twice) is an error. build-kubernetes.sh builds it into
// the program with the components, against the same modules.
package strictdecode

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/audit"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	kubeconfig "k8s.io/client-go/tools/clientcmd/api/latest"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	proxyscheme "k8s.io/kubernetes/pkg/proxy/apis/config/scheme"
	schedulerscheme "k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"sigs.k8s.io/yaml"

	encryption "ENCRYPTION_PACKAGE"
)

func strict(scheme *runtime.Scheme) runtime.Decoder {
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// decoders by apiVersion's group; kinds of the API itself are those that are not found here.
func decoders() (map[string]runtime.Decoder, error) {
	_, kubelet, err := kubeletscheme.NewSchemeAndCodecs(serializer.EnableStrict)
	if err != nil {
		return nil, err
	}
	encryptionScheme := runtime.NewScheme()
	if err := encryption.AddToScheme(encryptionScheme); err != nil {
		return nil, err
	}
	return map[string]runtime.Decoder{
		"KubeletConfiguration":       kubelet.UniversalDeserializer(),
		"KubeProxyConfiguration":     strict(proxyscheme.Scheme),
		"KubeSchedulerConfiguration": strict(schedulerscheme.Scheme),
		"EncryptionConfiguration":    strict(encryptionScheme),
		"Policy":                     strict(audit.Scheme),
		"Config":                     strict(kubeconfig.Scheme),
	}, nil
}

// Main reads every file that is named and says how many documents it decoded.
func Main() {
	known, err := decoders()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	api := strict(clientscheme.Scheme)
	documents, failed := 0, false
	for _, path := range os.Args[1:] {
		content, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		reader := utilyaml.NewYAMLReader(newReader(content))
		for {
			document, err := reader.Read()
			if err == io.EOF {
				break
			}
			var meta struct {
				Kind string `json:"kind"`
			}
			if err == nil {
				err = yaml.Unmarshal(document, &meta)
			}
			if err == nil && meta.Kind == "" && len(bytes.TrimSpace(withoutComments(document))) == 0 {
				continue
			}
			decoder, ok := known[meta.Kind]
			if !ok {
				decoder = api
			}
			if err == nil {
				_, _, err = decoder.Decode(document, nil, nil)
			}
			documents++
			if err != nil {
				failed = true
				fmt.Printf("%s: %s: %v\n", path, meta.Kind, err)
				break
			}
		}
	}
	fmt.Printf("%d documents\n", documents)
	if failed {
		os.Exit(1)
	}
}
