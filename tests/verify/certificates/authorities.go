// Makes the certificates that khw-gen and OpenSSL refuse to make, by Go: authorities and a kubelet that say something else than
// those of golden/three-masters, with the same keys. Run it in this folder, `go run authorities.go`; its answers are kept.
package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
)

const golden = "../../../golden/three-masters/"

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func block(path string) []byte {
	found, _ := pem.Decode(must(os.ReadFile(golden + path)))
	return found.Bytes
}

func write(name string, der []byte) {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(name, text, 0o644); err != nil {
		panic(err)
	}
}

// The certificate anew, with other bytes in the place of some; signed over what then stands there.
func altered(der, from, to []byte, key *ecdsa.PrivateKey) []byte {
	var certificate struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	must(asn1.Unmarshal(der, &certificate))
	tbs := bytes.Replace(certificate.TBS.FullBytes, from, to, 1)
	hash := crypto.SHA256.New()
	hash.Write(tbs)
	signature := must(key.Sign(rand.Reader, hash.Sum(nil), crypto.SHA256))
	certificate.TBS.FullBytes = tbs
	certificate.Signature = asn1.BitString{Bytes: signature, BitLength: len(signature) * 8}
	return must(asn1.Marshal(certificate))
}

func main() {
	ca := must(x509.ParseCertificate(block("master1/rootfs/var/lib/kubernetes/ca.pem")))
	key := must(x509.ParseECPrivateKey(block("master1/rootfs/var/lib/kubernetes/ca-key.pem")))
	authority := func(change func(*x509.Certificate)) []byte {
		template := *ca
		change(&template)
		return must(x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key))
	}
	write("ca-critical.pem", authority(func(template *x509.Certificate) {
		id := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}
		template.ExtraExtensions = []pkix.Extension{{Id: id, Critical: true, Value: []byte{5, 0}}}
	}))
	write("ca-client-only.pem", authority(func(template *x509.Certificate) {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}))
	write("ca-constrained.pem", authority(func(template *x509.Certificate) {
		template.PermittedDNSDomainsCritical, template.PermittedDNSDomains = true, []string{"example.org"}
	}))
	write("ca-crl-sign-only.pem", authority(func(template *x509.Certificate) { template.KeyUsage = x509.KeyUsageCRLSign }))
	numbered := func(serial, other []byte) []byte {
		der := authority(func(template *x509.Certificate) { template.SerialNumber = new(big.Int).SetBytes(serial) })
		return altered(der, serial, other, key)
	}
	mark := bytes.Repeat([]byte{0x7a}, 8)
	write("ca-negative.pem", numbered(mark, append([]byte{0x85}, mark[1:]...)))
	write("ca-zero.pem", numbered(mark[:1], []byte{0}))

	kubelet := must(x509.ParseCertificate(block("node1/rootfs/var/lib/kubelet/kubelet-serving.pem")))
	kubelet.KeyUsage = x509.KeyUsageKeyEncipherment
	write("kubelet-encipherment.pem", must(x509.CreateCertificate(rand.Reader, kubelet, ca, kubelet.PublicKey, key)))

	// Somebody whom nobody here has heard of.
	stranger := must(ecdsa.GenerateKey(key.Curve, rand.Reader))
	template := *ca
	template.RawSubject, template.Subject = nil, pkix.Name{CommonName: "Somebody"}
	template.SubjectKeyId, template.PublicKey = nil, nil
	write("stranger.pem", must(x509.CreateCertificate(rand.Reader, &template, &template, stranger.Public(), stranger)))
}
