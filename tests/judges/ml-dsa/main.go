// Judges keys, signatures and certificates of ML-DSA with Go's crypto/mldsa, crypto/x509 and crypto/tls, which know it since Go 1.27.
//
// `keys`: standard input is a JSON list of requests; standard output a JSON list of answers in the same order.
//
// `handshake`: standard input is a JSON list of pairs of a server and a client, each with the PEM of its authority, certificate and key;
// standard output a JSON list of verdicts. They shake hands by TLS 1.3, each asking for the other's certificate.
package main

import (
	"crypto/mldsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

type request struct {
	Algorithm string
	Seed      []byte
	Message   []byte
	// A signature over the message that is to be verified.
	Signature []byte
}

type answer struct {
	// The private key in PKCS#8, the public one as SubjectPublicKeyInfo.
	Private   []byte `json:"private"`
	Public    []byte `json:"public"`
	Signature []byte `json:"signature"`
	Verifies  bool   `json:"verifies"`
}

var parameters = map[string]mldsa.Parameters{
	"ml-dsa-44": mldsa.MLDSA44(), "ml-dsa-65": mldsa.MLDSA65(), "ml-dsa-87": mldsa.MLDSA87(),
}

func key(r request) (a answer, err error) {
	set, known := parameters[r.Algorithm]
	if !known {
		return a, fmt.Errorf("algorithm %q", r.Algorithm)
	}
	private, err := mldsa.NewPrivateKey(set, r.Seed)
	if err != nil {
		return a, err
	}
	if a.Private, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return a, err
	}
	if a.Public, err = x509.MarshalPKIXPublicKey(private.PublicKey()); err != nil {
		return a, err
	}
	if a.Signature, err = private.SignDeterministic(r.Message, nil); err != nil {
		return a, err
	}
	a.Verifies = mldsa.Verify(private.PublicKey(), r.Message, r.Signature, nil) == nil
	return a, nil
}

type party struct {
	Authority, Certificate, Key string
}

type pair struct {
	Server, Client party
	// By which name the client calls the server.
	Name string
	// Seconds since 1970.
	Time int64
}

type verdict struct {
	OK  bool   `json:"ok"`
	Why string `json:"why"`
}

func (p party) config(at time.Time) (*tls.Config, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(p.Authority)) {
		return nil, errors.New("no authority in the PEM")
	}
	own, err := tls.X509KeyPair([]byte(p.Certificate), []byte(p.Key))
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		RootCAs:      pool,
		ClientCAs:    pool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		Time:         func() time.Time { return at },
	}, nil
}

func handshake(p pair) error {
	at := time.Unix(p.Time, 0)
	server, err := p.Server.config(at)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	client, err := p.Client.config(at)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	client.ServerName = p.Name
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	one, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	defer one.Close()
	other, err := listener.Accept()
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		defer other.Close()
		conn := tls.Server(other, server)
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte("served"))
		}
		served <- err
	}()
	conn := tls.Client(one, client)
	err = conn.Handshake()
	if err == nil {
		// What the server thinks of the client comes after the client's own handshake.
		_, err = conn.Read(make([]byte, 6))
	}
	one.Close()
	if refused := <-served; err != nil || refused != nil {
		return fmt.Errorf("client: %v; server: %v", err, refused)
	}
	if version := conn.ConnectionState().Version; version != tls.VersionTLS13 {
		return fmt.Errorf("by %s", tls.VersionName(version))
	}
	return nil
}

func each[In, Out any](judge func(In) Out) {
	var inputs []In
	if err := json.NewDecoder(os.Stdin).Decode(&inputs); err != nil {
		log.Fatal(err)
	}
	outputs := make([]Out, 0, len(inputs))
	for _, input := range inputs {
		outputs = append(outputs, judge(input))
	}
	if err := json.NewEncoder(os.Stdout).Encode(outputs); err != nil {
		log.Fatal(err)
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("keys or handshake?")
	}
	switch os.Args[1] {
	case "keys":
		each(func(r request) answer {
			a, err := key(r)
			if err != nil {
				log.Fatal(err)
			}
			return a
		})
	case "handshake":
		each(func(p pair) verdict {
			if err := handshake(p); err != nil {
				return verdict{Why: err.Error()}
			}
			return verdict{OK: true}
		})
	default:
		log.Fatalf("%q", os.Args[1])
	}
}
