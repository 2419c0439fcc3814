// What runs in the pods of the lab, and asks from within them. Statically linked, since an image holds nothing else.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	arguments := append(os.Args[1:], "", "")
	var err error
	switch arguments[0] {
	case "pause":
		wait()
	case "serve": // what it is asked for, it answers with its name and who asks
		go wait()
		name, _ := os.Hostname()
		fmt.Println("started on", name)
		err = http.ListenAndServe(":8080", http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
			fmt.Fprintf(out, "served by %s to %s\n", name, in.RemoteAddr)
		}))
	case "get":
		client := http.Client{Timeout: 5 * time.Second}
		var answer *http.Response
		if answer, err = client.Get(arguments[1]); err == nil {
			_, err = io.Copy(os.Stdout, answer.Body)
		}
	case "lookup":
		resolver := net.Resolver{PreferGo: true}
		within, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		var found []string
		if found, err = resolver.LookupHost(within, arguments[1]); err == nil {
			fmt.Println(strings.Join(found, "\n"))
		}
	case "hostname":
		var name string
		name, err = os.Hostname()
		fmt.Println(name)
	case "cat":
		in := os.Stdin
		if arguments[1] != "" {
			in, err = os.Open(arguments[1])
		}
		if err == nil {
			_, err = io.Copy(os.Stdout, in)
		}
	default:
		err = fmt.Errorf("unknown command %q", arguments[0])
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// wait ends the program when it is told to, as a first process must by itself.
func wait() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	<-told
	os.Exit(0)
}
