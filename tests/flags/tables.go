package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
)

// seen is what the raw lines say of one flag or field in one minor release.
type seen struct {
	attr       string // what splits a row in two: what a flag or a field takes
	deprecated bool
	from       int // the first patch that has it
}

// tables reads raw lines and prints the table that the compiler includes: one line for each run of minors.
func tables(what string, in io.Reader, out io.Writer) {
	known := map[string]map[int]*seen{}   // by "component TAB name", by minor
	minors := map[string]map[int][2]int{} // by component, by minor: its first and last patch read
	last := map[string]map[int]int{}      // by "component TAB name", by minor: the last patch that has it
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		c := strings.Split(lines.Text(), "\t")
		if len(c) < 4 {
			continue
		}
		minor, patch := 0, 0
		if v := strings.Split(c[0], "."); len(v) == 3 {
			minor, _ = strconv.Atoi(v[1])
			patch, _ = strconv.Atoi(v[2])
		} else {
			minor, _ = strconv.Atoi(c[0])
		}
		key := c[1] + "\t" + c[2]
		if minors[c[1]] == nil {
			minors[c[1]] = map[int][2]int{}
		}
		if r, ok := minors[c[1]][minor]; ok {
			minors[c[1]][minor] = [2]int{min(r[0], patch), max(r[1], patch)}
		} else {
			minors[c[1]][minor] = [2]int{patch, patch}
		}
		if known[key] == nil {
			known[key], last[key] = map[int]*seen{}, map[int]int{}
		}
		now := &seen{attr: c[3], from: patch}
		if what == "flags" {
			now.deprecated = c[4] == "deprecated"
		}
		if before := known[key][minor]; before != nil {
			before.deprecated = now.deprecated
			before.attr = now.attr
			before.from = min(before.from, patch)
		} else {
			known[key][minor] = now
		}
		last[key][minor] = max(last[key][minor], patch)
	}
	keys := make([]string, 0, len(known))
	for k := range known {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	bound := func(n, open int) string {
		if n == open {
			return "-"
		}
		return strconv.Itoa(n)
	}
	for _, key := range keys {
		component, _, _ := strings.Cut(key, "\t")
		lo, hi := 14, 38
		if component == "etcd" {
			lo, hi = 3, 7
		}
		for first := lo; first <= hi; first++ {
			at := func(m int) *seen {
				s := known[key][m]
				if s != nil && last[key][m] < minors[component][m][1] {
					fmt.Fprintf(os.Stderr, "%s: gone within minor %d after patch %d\n", key, m, last[key][m])
					return nil
				}
				return s
			}
			s := at(first)
			if s == nil {
				continue
			}
			end := first
			for end < hi && at(end+1) != nil && at(end+1).attr == s.attr {
				end++
			}
			row := []string{key, bound(first, lo), bound(end, hi), s.attr}
			if what == "flags" {
				deprecated, patches := "-", []string{}
				for m := first; m <= end; m++ {
					d := at(m)
					if d.deprecated && deprecated == "-" {
						deprecated = strconv.Itoa(m)
					} else if !d.deprecated && deprecated != "-" && !strings.Contains(deprecated, "-") {
						deprecated += "-" + strconv.Itoa(m-1)
					}
					if d.from > minors[component][m][0] {
						patches = append(patches, fmt.Sprintf("%d.%d", m, d.from))
					}
				}
				if len(patches) == 0 {
					patches = []string{"-"}
				}
				row = append(row, deprecated, strings.Join(patches, ","))
			}
			fmt.Fprintln(out, strings.Join(row, "\t"))
			first = end
		}
	}
}
