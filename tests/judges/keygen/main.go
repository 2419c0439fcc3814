// Makes keys by C2SP det-keygen with filippo.io/keygen, whose author wrote the specification.
//
// Standard input: a JSON list of requests; standard output: a JSON list of the private keys' DER in the same order, PKCS#1
// for RSA and SEC1 for ECDSA.
package main

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"filippo.io/keygen"
)

type request struct {
	Algorithm string
	Seed      []byte
}

var (
	curves  = map[string]elliptic.Curve{"ecdsa-p256": elliptic.P256(), "ecdsa-p384": elliptic.P384(), "ecdsa-p521": elliptic.P521()}
	lengths = map[string]int{"rsa-2048": 2048, "rsa-3072": 3072, "rsa-4096": 4096}
)

func generate(r request) ([]byte, error) {
	if curve, known := curves[r.Algorithm]; known {
		key, err := keygen.ECDSA(curve, r.Seed)
		if err != nil {
			return nil, err
		}
		return x509.MarshalECPrivateKey(key)
	}
	if bits, known := lengths[r.Algorithm]; known {
		key, err := keygen.RSA(bits, r.Seed)
		if err != nil {
			return nil, err
		}
		return x509.MarshalPKCS1PrivateKey(key), nil
	}
	return nil, fmt.Errorf("algorithm %q", r.Algorithm)
}

func main() {
	var requests []request
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		log.Fatal(err)
	}
	keys := make([][]byte, 0, len(requests))
	for _, r := range requests {
		key, err := generate(r)
		if err != nil {
			log.Fatal(err)
		}
		keys = append(keys, key)
	}
	if err := json.NewEncoder(os.Stdout).Encode(keys); err != nil {
		log.Fatal(err)
	}
}
