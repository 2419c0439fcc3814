// Judges certificate chains with Go's crypto/x509, which Kubernetes and etcd judge them with.
//
// Standard input: a JSON list of cases; standard output: a JSON list of verdicts in the same order.
package main

import (
	"crypto/x509"
	"encoding/json"
	"log"
	"os"
	"time"
)

type chain struct {
	Root          []byte
	Intermediates [][]byte
	Leaf          []byte
	Purpose       string
	// A DNS name or an IP address, or nothing: then any will do.
	Name string
	// Seconds since 1970.
	Time int64
}

type verdict struct {
	OK  bool   `json:"ok"`
	Why string `json:"why"`
}

var purposes = map[string]x509.ExtKeyUsage{
	"server": x509.ExtKeyUsageServerAuth,
	"client": x509.ExtKeyUsageClientAuth,
}

func verify(c chain) error {
	root, err := x509.ParseCertificate(c.Root)
	if err != nil {
		return err
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	for _, der := range c.Intermediates {
		intermediate, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		intermediates.AddCert(intermediate)
	}
	leaf, err := x509.ParseCertificate(c.Leaf)
	if err != nil {
		return err
	}
	purpose, known := purposes[c.Purpose]
	if !known {
		log.Fatalf("purpose %q", c.Purpose)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		DNSName:       c.Name,
		Roots:         roots,
		Intermediates: intermediates,
		CurrentTime:   time.Unix(c.Time, 0),
		KeyUsages:     []x509.ExtKeyUsage{purpose},
	})
	return err
}

func main() {
	var cases []chain
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		log.Fatal(err)
	}
	verdicts := make([]verdict, 0, len(cases))
	for _, c := range cases {
		if err := verify(c); err != nil {
			verdicts = append(verdicts, verdict{Why: err.Error()})
		} else {
			verdicts = append(verdicts, verdict{OK: true})
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		log.Fatal(err)
	}
}
