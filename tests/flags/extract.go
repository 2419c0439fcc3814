// Command extract reads the source of the Kubernetes components and of etcd and prints what their command lines and
// configuration files know. It is run by extract.sh, which downloads the source; it needs nothing but Go's own library.
//
// Nothing is compiled. Each package is parsed and type-checked (what is not there stays unknown, which does no harm), and
// from `main` every call is followed that hands a flag set on. What is met on the way is
//
//   - a registration (`fs.StringVar(&x, "name", ...)`, `pflag.Bool("name", ...)`, `fs.AddFlag(pflag.Lookup("name"))`): a flag;
//   - `fs.MarkDeprecated("name", ...)`: a flag that warns;
//   - `fs.AddGoFlagSet(flag.CommandLine)`: every flag that an imported package registers when it is initialised.
//
// Names may be constants of other packages, and may be put together from constants and from arguments by + and fmt.Sprintf.
// A name that is none of these is told of on the standard error: silence means that every registration was understood.
package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
)

var (
	fset   = token.NewFileSet()
	stdlib = importer.ForCompiler(fset, "source", nil)
	bctx   = func() build.Context {
		c := build.Default
		c.GOOS, c.GOARCH, c.CgoEnabled = "linux", "amd64", true
		c.BuildTags = nil
		return c
	}()
)

// pkg is one parsed and type-checked package.
type pkg struct {
	path    string
	files   []*ast.File
	info    *types.Info
	types   *types.Package
	imports []string
}

// tree is the source of one release: a directory in which import paths are paths.
type tree struct {
	root    string
	pkgs    map[string]*pkg
	fakes   map[string]*types.Package
	parsed  map[string][]*ast.File
	loading map[string]bool
	decls   map[*types.Func]*decl
}

type decl struct {
	pkg *pkg
	fn  *ast.FuncDecl
}

func newTree(root string) *tree {
	return &tree{root, map[string]*pkg{}, map[string]*types.Package{}, map[string][]*ast.File{}, map[string]bool{}, map[*types.Func]*decl{}}
}

func (t *tree) parse(importPath string) []*ast.File {
	if files, ok := t.parsed[importPath]; ok {
		return files
	}
	dir := filepath.Join(t.root, importPath)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.parsed[importPath] = nil
		return nil
	}
	var files []*ast.File
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if ok, err := bctx.MatchFile(dir, name); err != nil || !ok {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution|parser.ParseComments)
		if f == nil {
			fmt.Fprintln(os.Stderr, "parse:", err)
			continue
		}
		files = append(files, f)
	}
	t.parsed[importPath] = files
	return files
}

func importsOf(files []*ast.File) []string {
	seen := map[string]bool{}
	var out []string
	for _, f := range files {
		for _, i := range f.Imports {
			p := strings.Trim(i.Path.Value, `"`)
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
	}
	sort.Strings(out)
	return out
}

func (t *tree) Import(importPath string) (*types.Package, error) {
	if importPath == "unsafe" {
		return types.Unsafe, nil
	}
	if p := t.load(importPath); p != nil {
		return p.types, nil
	}
	if !strings.Contains(strings.SplitN(importPath, "/", 2)[0], ".") && importPath != "C" {
		if p, err := stdlib.Import(importPath); err == nil {
			return p, nil
		}
	}
	if f, ok := t.fakes[importPath]; ok {
		return f, nil
	}
	name := path.Base(importPath)
	if regexp.MustCompile(`^v[0-9]+$`).MatchString(name) {
		name = path.Base(path.Dir(importPath))
	}
	f := types.NewPackage(importPath, strings.TrimPrefix(strings.TrimSuffix(name, ".go"), "go-"))
	f.MarkComplete()
	t.fakes[importPath] = f
	return f, nil
}

// load type-checks a package and what it imports, or gives nil if its source is not there.
func (t *tree) load(importPath string) *pkg {
	if p, ok := t.pkgs[importPath]; ok {
		return p
	}
	files := t.parse(importPath)
	if len(files) == 0 || t.loading[importPath] {
		return nil
	}
	t.loading[importPath] = true
	p := &pkg{path: importPath, files: files, imports: importsOf(files)}
	bodies := strings.Contains(importPath, "/cmd/") || strings.Contains(importPath, "etcd")
	for _, i := range p.imports {
		if i == "flag" || strings.HasSuffix(i, "/pflag") || strings.HasSuffix(i, "/cobra") || strings.HasSuffix(i, "/flag") {
			bodies = true
		}
	}
	p.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Instances: map[*ast.Ident]types.Instance{},
	}
	conf := types.Config{Importer: t, IgnoreFuncBodies: !bodies, Error: func(error) {}, FakeImportC: true, Sizes: types.SizesFor("gc", "amd64")}
	p.types, _ = conf.Check(importPath, fset, files, p.info)
	t.pkgs[importPath] = p
	for _, f := range files {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok {
				if fn, ok := p.info.Defs[fd.Name].(*types.Func); ok {
					t.decls[fn] = &decl{p, fd}
				}
			}
		}
	}
	return p
}

// flagInfo is what is known of one flag.
type flagInfo struct {
	takes              string // what its value has to be, as the table names it: takes()
	deprecated, hidden bool
	where              string
	message            string
}

type walker struct {
	t       *tree
	flags   map[string]*flagInfo
	marks   map[string]string
	hidden  map[string]bool
	seen    map[string][]string  // by function and arguments, what it registered
	globals map[string]*flagInfo // registered on a CommandLine when a linked package is initialised
	goOnly  map[string]bool      // of these, the ones on Go's own flag.CommandLine
	linked  []string
	own     string // the component's own packages, where every call is followed
	quiet   bool
	touched []string // every registration so far, again and again
}

func named(typ types.Type) string {
	if typ == nil {
		return ""
	}
	if p, ok := typ.(*types.Pointer); ok {
		typ = p.Elem()
	}
	typ = types.Unalias(typ)
	if n, ok := typ.(*types.Named); ok && n.Obj().Pkg() != nil {
		return n.Obj().Pkg().Path() + "." + n.Obj().Name()
	}
	return ""
}

func isFlagSet(typ types.Type) bool {
	n := named(typ)
	return n == "flag.FlagSet" || strings.HasSuffix(n, "spf13/pflag.FlagSet") || strings.HasSuffix(n, ".flagSet")
}

// carries says whether a signature hands flag sets or commands on.
func carries(sig *types.Signature) bool {
	has := func(v *types.Var) bool {
		s := types.TypeString(v.Type(), nil)
		return strings.Contains(s, "FlagSet") || strings.Contains(s, ".flagSet") || strings.Contains(s, "cobra.Command")
	}
	for _, tuple := range []*types.Tuple{sig.Params(), sig.Results()} {
		for i := 0; i < tuple.Len(); i++ {
			if has(tuple.At(i)) {
				return true
			}
		}
	}
	if r := sig.Recv(); r != nil && has(r) {
		return true
	}
	return false
}

type env map[types.Object][]string

// eval gives the strings that an expression can be, or none if that cannot be told.
func (w *walker) eval(p *pkg, e env, x ast.Expr) []string {
	if tv, ok := p.info.Types[x]; ok && tv.Value != nil && tv.Value.Kind() == constant.String {
		return []string{constant.StringVal(tv.Value)}
	}
	switch x := x.(type) {
	case *ast.ParenExpr:
		return w.eval(p, e, x.X)
	case *ast.BasicLit:
		if x.Kind == token.STRING {
			return []string{constant.StringVal(constant.MakeFromLiteral(x.Value, x.Kind, 0))}
		}
	case *ast.Ident:
		return e[p.info.Uses[x]]
	case *ast.BinaryExpr:
		if x.Op == token.ADD {
			var out []string
			for _, a := range w.eval(p, e, x.X) {
				for _, b := range w.eval(p, e, x.Y) {
					out = append(out, a+b)
				}
			}
			return out
		}
	case *ast.CallExpr:
		if s, ok := x.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Sprintf" && len(x.Args) > 0 {
			formats := w.eval(p, e, x.Args[0])
			out := formats
			for _, a := range x.Args[1:] {
				vals := w.eval(p, e, a)
				var next []string
				for _, f := range out {
					for _, v := range vals {
						next = append(next, strings.Replace(strings.Replace(f, "%v", "%s", 1), "%s", v, 1))
					}
				}
				out = next
			}
			return out
		}
		if len(x.Args) == 1 { // a conversion, or a change of underscores to hyphens, which `add` makes anyway
			tv, ok := p.info.Types[x.Fun]
			id, isName := x.Fun.(*ast.Ident)
			if ok && tv.IsType() || isName && id.Name == "normalize" {
				return w.eval(p, e, x.Args[0])
			}
		}
	}
	return nil
}

var registerMethod = regexp.MustCompile(`^(Bool|String|Int|Int8|Int16|Int32|Int64|Uint|Uint8|Uint16|Uint32|Uint64|Float32|Float64|Duration|Count|IP|IPNet|IPMask|IPSlice|BytesHex|BytesBase64|StringSlice|StringArray|StringToString|StringToInt|StringToInt64|IntSlice|Int32Slice|Int64Slice|UintSlice|BoolSlice|Float32Slice|Float64Slice|DurationSlice|Text|Func|BoolFunc|Time)?(Var)?(PF|P)?$`)

// What a value of a type has to be, by the end of the type's name. Of what is not here nothing is known: `-`.
var valueTypes = map[string]string{
	"cli/flag.MapStringBool":          "bools",
	"cli/flag.Tristate":               "bool",
	"cli/flag.StringFlag":             "string",
	"featuregate.featureGate":         "bools",
	"resource.QuantityValue":          "quantity",
	"pkg/util/flag.IPVar":             "ip-or-empty",
	"pkg/util/flag.IPPortVar":         "-",
	"pkg/util/flag.PortRangeVar":      "ports",
	"cli/flag.MapStringString":        "pairs",
	"cli/flag.MapStringStringNoSplit": "pairs",
	"util/net.PortRange":              "ports",
	"klog.Level":                      "int32",
	"klog/v2.Level":                   "int32",
	"flags.URLsValue":                 "urls",
	"flags.UniqueURLs":                "-",
	"flags.StringsValue":              "string",
	"flags.UniqueStringsValue":        "string",
	"flags.uint32Value":               "uint32",
}

// What a value has to be by the method that registers it; in the words of Go and pflag, in lower case.
var methodTypes = map[string]string{
	"Bool": "bool", "BoolFunc": "switch", "Count": "switch", "String": "string", "StringArray": "string", "StringSlice": "strings",
	"Int": "int64", "Int8": "int8", "Int16": "int16", "Int32": "int32", "Int64": "int64",
	"Uint": "uint64", "Uint8": "uint8", "Uint16": "uint16", "Uint32": "uint32", "Uint64": "uint64",
	"Float32": "float32", "Float64": "float64", "Duration": "duration", "IP": "ip", "IPNet": "range",
}

// takes gives what a value of the caller's own type has to be; the texts that it is chosen from, where the type is made with them.
func (w *walker) takes(p *pkg, e env, value ast.Expr) string {
	if c, ok := value.(*ast.CallExpr); ok {
		if fn := callee(p, c); fn != nil && fn.Name() == "NewSelectiveStringValue" {
			var choices []string
			for _, a := range c.Args {
				choices = append(choices, w.eval(p, e, a)...)
			}
			if len(choices) == len(c.Args) {
				return "string=" + strings.Join(choices, ",")
			}
		}
	}
	tv, ok := p.info.Types[value]
	if !ok {
		return "-"
	}
	name := named(tv.Type)
	for end, what := range valueTypes {
		if strings.HasSuffix(name, end) {
			return what
		}
	}
	return "-"
}

// registration gives the name argument of a call that registers a flag, and what the flag takes.
func (w *walker) registration(p *pkg, e env, call *ast.CallExpr, method string, recvPkg string) (ast.Expr, string, bool) {
	m := registerMethod.FindStringSubmatch(method)
	if m == nil || (m[1] == "" && m[2] == "") {
		return nil, "", false
	}
	at := 0
	if m[2] != "" {
		at = 1
	}
	if len(call.Args) <= at+1 {
		return nil, "", false
	}
	what, ok := methodTypes[m[1]]
	if !ok {
		what = "-"
	}
	if m[1] == "" { // a value of the caller's own type: a switch if it says so
		what = w.takes(p, e, call.Args[0])
		if tv, ok := p.info.Types[call.Args[0]]; ok && tv.Type != nil && recvPkg == "flag" {
			if obj, _, _ := types.LookupFieldOrMethod(tv.Type, true, p.types, "IsBoolFlag"); obj != nil {
				what = "switch"
			}
		}
	}
	return call.Args[at], what, true
}

var deprecatedUsage = regexp.MustCompile(`^\[?(TO BE )?(DEPRECATED|Deprecated)[:, ]|Deprecated in v?3\.`)

// usageDeprecates says whether a usage text begins with the word, as those do that aren't marked otherwise.
func (w *walker) usageDeprecates(p *pkg, e env, usage ast.Expr) bool {
	found := false
	for _, s := range w.eval(p, e, usage) {
		found = found || deprecatedUsage.MatchString(s)
	}
	ast.Inspect(usage, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			found = found || deprecatedUsage.MatchString(constant.StringVal(constant.MakeFromLiteral(l.Value, l.Kind, 0)))
		}
		return true
	})
	return found
}

func (w *walker) add(set map[string]*flagInfo, name string, takes string, at token.Pos) {
	name = strings.ReplaceAll(name, "_", "-")
	w.touched = append(w.touched, name)
	if f, ok := set[name]; ok {
		if f.takes == "-" || takes == "bool" || takes == "switch" {
			f.takes = takes
		}
		return
	}
	set[name] = &flagInfo{takes: takes, where: strings.TrimPrefix(fset.Position(at).String(), w.t.root+"/")}
}

// callee gives the function that a call names, if it is known.
func callee(p *pkg, call *ast.CallExpr) *types.Func {
	fun := ast.Unparen(call.Fun)
	if ix, ok := fun.(*ast.IndexExpr); ok {
		fun = ix.X
	}
	switch f := fun.(type) {
	case *ast.Ident:
		fn, _ := p.info.Uses[f].(*types.Func)
		return fn
	case *ast.SelectorExpr:
		fn, _ := p.info.Uses[f.Sel].(*types.Func)
		return fn
	}
	return nil
}

func (w *walker) warn(at token.Pos, format string, args ...any) {
	if !w.quiet {
		fmt.Fprintf(os.Stderr, "%s: %s\n", strings.TrimPrefix(fset.Position(at).String(), w.t.root+"/"), fmt.Sprintf(format, args...))
	}
}

// follow walks the body of a function, with what is known of its string arguments.
func (w *walker) follow(fn *types.Func, args [][]string) {
	d := w.t.decls[fn.Origin()]
	if d == nil || d.fn.Body == nil {
		return
	}
	pkgPath := d.pkg.path
	if strings.Contains(pkgPath, "spf13/") || pkgPath == "flag" {
		return
	}
	key := fmt.Sprint(fn.FullName(), args)
	if again, ok := w.seen[key]; ok {
		w.touched = append(w.touched, again...)
		return
	}
	w.seen[key] = nil
	before := len(w.touched)
	e := env{}
	i := 0
	for _, field := range d.fn.Type.Params.List {
		for _, name := range field.Names {
			if i < len(args) && args[i] != nil {
				e[d.pkg.info.Defs[name]] = args[i]
			}
			i++
		}
		if len(field.Names) == 0 {
			i++
		}
	}
	switch {
	case strings.HasSuffix(pkgPath, "component-base/logs/klogflags") && fn.Name() == "Init":
		// It hands on two of klog's flags by a switch on their names.
		w.add(w.flags, "v", "int32", d.fn.Pos())
		w.add(w.flags, "vmodule", "-", d.fn.Pos())
		return
	case strings.HasSuffix(pkgPath, "component-base/logs") && fn.Name() == "AddFlags":
		// It hands on what the package registered on a set of its own when it was initialised.
		w.initialisers(d.pkg)
	}
	w.body(d.pkg, e, d.fn.Body)
	w.deprecateAll(d.pkg, e, d.fn.Body, before)
	w.seen[key] = append([]string{}, w.touched[before:]...)
}

// deprecateAll minds `fs.VisitAll(func(f *pflag.Flag) { f.Deprecated = ... })`: what the function registered warns, but for
// the names that it makes exceptions of, in a map or as cases of a switch.
func (w *walker) deprecateAll(p *pkg, e env, body ast.Node, before int) {
	all, message := false, ""
	except := map[string]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if s, ok := n.Lhs[0].(*ast.SelectorExpr); ok && s.Sel.Name == "Deprecated" {
				if _, ok := s.X.(*ast.Ident); ok {
					all = true
					if m := w.eval(p, e, n.Rhs[0]); len(m) > 0 {
						message = m[0]
					}
				} else if c, ok := s.X.(*ast.CallExpr); ok && len(c.Args) == 1 {
					if m := w.eval(p, e, n.Rhs[0]); len(m) > 0 {
						for _, f := range w.eval(p, e, c.Args[0]) {
							w.marks[strings.ReplaceAll(f, "_", "-")] = m[0]
						}
					}
				}
			}
		case *ast.CompositeLit:
			for _, el := range n.Elts {
				if kv, ok := el.(*ast.KeyValueExpr); ok {
					for _, k := range w.eval(p, e, kv.Key) {
						except[k] = true
					}
				}
			}
		case *ast.CaseClause:
			for _, x := range n.List {
				for _, k := range w.eval(p, e, x) {
					except[k] = true
				}
			}
		}
		return true
	})
	if all {
		for _, n := range w.touched[before:] {
			if _, ok := w.marks[n]; !ok && !except[n] {
				w.marks[n] = message
			}
		}
	}
}

// initialisers walks `init` functions and the initial values of variables.
func (w *walker) initialisers(p *pkg) {
	for _, f := range p.files {
		for _, dd := range f.Decls {
			switch dd := dd.(type) {
			case *ast.FuncDecl:
				if dd.Name.Name == "init" && dd.Recv == nil && dd.Body != nil {
					w.body(p, env{}, dd.Body)
				}
			case *ast.GenDecl:
				if dd.Tok == token.VAR {
					w.body(p, env{}, dd)
				}
			}
		}
	}
}

func (w *walker) body(p *pkg, e env, root ast.Node) {
	addsFlag := false
	ast.Inspect(root, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if s, ok := c.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "AddFlag" {
				addsFlag = true
			}
		}
		return true
	})
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && len(n.Rhs) == len(n.Lhs) {
					obj := p.info.Defs[id]
					if obj == nil {
						obj = p.info.Uses[id]
					}
					if v := w.eval(p, e, n.Rhs[i]); v != nil && obj != nil {
						e[obj] = append(e[obj], v...)
					}
				}
			}
		case *ast.RangeStmt:
			w.rangeOver(p, e, n)
		case *ast.CallExpr:
			w.call(p, e, n, addsFlag)
		}
		return true
	})
}

// literal gives the literal that an expression stands for: itself, or the first value of the package's variable of that name.
func literal(p *pkg, x ast.Expr) *ast.CompositeLit {
	name := ""
	switch x := ast.Unparen(x).(type) {
	case *ast.CompositeLit:
		return x
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	}
	var found *ast.CompositeLit
	for _, f := range p.files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, s := range g.Specs {
					if v, ok := s.(*ast.ValueSpec); ok && len(v.Names) == 1 && len(v.Values) == 1 && v.Names[0].Name == name {
						found, _ = v.Values[0].(*ast.CompositeLit)
					}
				}
			}
		}
	}
	return found
}

// rangeOver knows what a loop variable can be if the loop is over a literal.
func (w *walker) rangeOver(p *pkg, e env, n *ast.RangeStmt) {
	lit := literal(p, n.X)
	if lit == nil {
		return
	}
	bind := func(x ast.Expr, v []string) {
		if id, ok := x.(*ast.Ident); ok && p.info.Defs[id] != nil {
			e[p.info.Defs[id]] = append(e[p.info.Defs[id]], v...)
		}
	}
	for _, el := range lit.Elts {
		if kv, ok := el.(*ast.KeyValueExpr); ok {
			if n.Key != nil {
				bind(n.Key, w.eval(p, e, kv.Key))
			}
			if n.Value != nil {
				bind(n.Value, w.eval(p, e, kv.Value))
			}
		} else if n.Value != nil {
			bind(n.Value, w.eval(p, e, el))
		}
	}
}

func (w *walker) call(p *pkg, e env, c *ast.CallExpr, addsFlag bool) {
	fn := callee(p, c)
	if fn == nil {
		return
	}
	sig := fn.Type().(*types.Signature)
	home := ""
	if fn.Pkg() != nil {
		home = fn.Pkg().Path()
	}
	onSet := home == "flag" || strings.HasSuffix(home, "spf13/pflag")
	if sig.Recv() == nil && onSet || sig.Recv() != nil && isFlagSet(sig.Recv().Type()) {
		first := func() []string {
			if len(c.Args) == 0 {
				return nil
			}
			return w.eval(p, e, c.Args[0])
		}
		switch fn.Name() {
		case "MarkDeprecated":
			message := ""
			if m := w.eval(p, e, c.Args[1]); len(m) > 0 {
				message = m[0]
			}
			for _, n := range first() {
				w.marks[strings.ReplaceAll(n, "_", "-")] = message
			}
			if first() == nil {
				w.warn(c.Pos(), "MarkDeprecated of an unknown name")
			}
			return
		case "MarkHidden":
			for _, n := range first() {
				w.hidden[strings.ReplaceAll(n, "_", "-")] = true
			}
			return
		case "Lookup":
			if addsFlag {
				for _, n := range first() {
					n = strings.ReplaceAll(n, "_", "-")
					takes := "-"
					if g := w.globals[n]; g != nil {
						takes = g.takes
					}
					w.add(w.flags, n, takes, c.Pos())
				}
			}
			return
		case "AddGoFlagSet":
			if s, ok := c.Args[0].(*ast.SelectorExpr); ok && s.Sel.Name == "CommandLine" {
				for n, g := range w.globals {
					if w.goOnly[n] {
						w.flags[n] = g
					}
				}
			}
			return
		}
		if name, takes, ok := w.registration(p, e, c, fn.Name(), home); ok {
			names := w.eval(p, e, name)
			if names == nil {
				w.warn(c.Pos(), "a registration whose name is not known")
			}
			for _, n := range names {
				w.add(w.flags, n, takes, c.Pos())
				if w.usageDeprecates(p, e, c.Args[len(c.Args)-1]) {
					w.flags[strings.ReplaceAll(n, "_", "-")].deprecated = true
				}
			}
		}
		return
	}
	if fn.Name() == "PrintSections" || fn.Name() == "newFakeFlagSet" || // they copy sets, for a help text and for a second look
		!carries(sig) && !strings.HasPrefix(home, w.own) {
		return
	}
	args := make([][]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = w.eval(p, e, a)
	}
	if sig.Recv() != nil && types.IsInterface(sig.Recv().Type()) {
		// The types of the same package that have the method stand for the interface.
		q := w.t.load(home)
		if q == nil {
			return
		}
		scope := q.types.Scope()
		found := false
		for _, n := range scope.Names() {
			tn, ok := scope.Lookup(n).(*types.TypeName)
			if !ok || types.IsInterface(tn.Type()) {
				continue
			}
			if obj, _, _ := types.LookupFieldOrMethod(types.NewPointer(tn.Type()), true, q.types, fn.Name()); obj != nil {
				if m, ok := obj.(*types.Func); ok {
					found = true
					w.follow(m, args)
				}
			}
		}
		if !found && carries(sig) {
			w.warn(c.Pos(), "nothing is known behind %s", fn.FullName())
		}
		return
	}
	if home != "" {
		w.t.load(home)
	}
	w.follow(fn, args)
}

// link finds every package that `main` imports, and what those register when they are initialised.
func (w *walker) link(main string) {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(importPath string) {
		if seen[importPath] || strings.HasPrefix(importPath, "github.com/spf13") {
			return
		}
		seen[importPath] = true
		files := w.t.parse(importPath)
		if len(files) == 0 {
			return
		}
		w.linked = append(w.linked, importPath)
		for _, i := range importsOf(files) {
			visit(i)
		}
	}
	visit(main)
	sort.Strings(w.linked)
	for _, l := range w.linked {
		uses := false
		for _, i := range importsOf(w.t.parse(l)) {
			if i == "flag" || strings.HasSuffix(i, "/pflag") || strings.HasSuffix(i, "klog") || strings.HasSuffix(i, "klog/v2") {
				uses = true
			}
		}
		if !uses {
			continue
		}
		p := w.t.load(l)
		if p == nil {
			continue
		}
		for _, f := range p.files {
			for _, dd := range f.Decls {
				if fd, ok := dd.(*ast.FuncDecl); ok && (fd.Name.Name != "init" || fd.Recv != nil) {
					continue
				}
				w.globalsIn(p, env{}, dd, 0)
			}
		}
	}
}

// globalsIn looks for registrations on a CommandLine, also in functions of the same package that are called.
func (w *walker) globalsIn(p *pkg, e env, root ast.Node, depth int) {
	ast.Inspect(root, func(n ast.Node) bool {
		if _, isLater := n.(*ast.FuncLit); isLater {
			return false
		}
		if c, ok := n.(*ast.CallExpr); ok {
			w.global(p, e, c)
			fn := callee(p, c)
			if fn == nil || fn.Pkg() != p.types || depth > 3 {
				return true
			}
			if d := w.t.decls[fn.Origin()]; d != nil && d.fn.Body != nil {
				inner, i := env{}, 0
				for _, field := range d.fn.Type.Params.List {
					for _, name := range field.Names {
						if i < len(c.Args) {
							inner[p.info.Defs[name]] = w.eval(p, e, c.Args[i])
						}
						i++
					}
				}
				w.globalsIn(p, inner, d.fn.Body, depth+1)
			}
		}
		return true
	})
}

func (w *walker) global(p *pkg, e env, c *ast.CallExpr) {
	fn := callee(p, c)
	if fn == nil || fn.Pkg() == nil {
		return
	}
	home := fn.Pkg().Path()
	sig := fn.Type().(*types.Signature)
	if strings.HasPrefix(home, "k8s.io/klog") && fn.Name() == "InitFlags" && len(c.Args) == 1 {
		if s, ok := c.Args[0].(*ast.SelectorExpr); (ok && s.Sel.Name == "CommandLine") || fmt.Sprint(c.Args[0]) == "nil" {
			sub := &walker{t: w.t, flags: map[string]*flagInfo{}, marks: map[string]string{}, hidden: map[string]bool{}, seen: map[string][]string{}, quiet: true}
			w.t.load(home)
			sub.follow(fn, nil)
			for n, f := range sub.flags {
				w.globals[n], w.goOnly[n] = f, true
			}
		}
		return
	}
	if home != "flag" && !strings.HasSuffix(home, "spf13/pflag") {
		return
	}
	if sig.Recv() != nil {
		s, ok := c.Fun.(*ast.SelectorExpr)
		if !ok {
			return
		}
		if on, ok := s.X.(*ast.SelectorExpr); !ok || on.Sel.Name != "CommandLine" {
			return
		}
	}
	if name, takes, ok := w.registration(p, e, c, fn.Name(), home); ok {
		for _, n := range w.eval(p, e, name) {
			w.add(w.globals, n, takes, c.Pos())
			if home == "flag" {
				w.goOnly[strings.ReplaceAll(n, "_", "-")] = true
			}
		}
	}
}

func flagsOf(t *tree, component string) map[string]*flagInfo {
	main := "k8s.io/kubernetes/cmd/" + component
	w := &walker{t: t, flags: map[string]*flagInfo{}, marks: map[string]string{}, hidden: map[string]bool{}, seen: map[string][]string{},
		globals: map[string]*flagInfo{}, goOnly: map[string]bool{}, own: main}
	w.link(main)
	p := t.load(main)
	if p == nil {
		return nil
	}
	fn, _ := p.types.Scope().Lookup("main").(*types.Func)
	if fn == nil {
		return nil
	}
	w.follow(fn, nil)
	if component != "kubelet" {
		// cobra lets every command take what stands on pflag.CommandLine; the kubelet parses for itself.
		for n, g := range w.globals {
			if !w.goOnly[n] {
				if _, ok := w.flags[n]; !ok {
					w.flags[n] = g
					g.hidden = true
				}
			}
		}
	}
	if f, ok := w.flags["version"]; ok {
		f.takes = "switch" // its NoOptDefVal is set where it is made
	}
	w.add(w.flags, "help", "switch", token.NoPos)
	for n, m := range w.marks {
		if f := w.flags[n]; f != nil {
			f.deprecated, f.hidden, f.message = true, true, m
		}
	}
	for n := range w.hidden {
		if f := w.flags[n]; f != nil {
			f.hidden = true
		}
	}
	return w.flags
}

// etcdFlags gives the flags of etcd's own command line (not of its gateway and proxy commands).
func etcdFlags(t *tree) map[string]*flagInfo {
	for _, home := range []string{"go.etcd.io/etcd/server/v3/etcdmain", "go.etcd.io/etcd/etcdmain", "github.com/coreos/etcd/etcdmain"} {
		p := t.load(home)
		if p == nil {
			continue
		}
		w := &walker{t: t, flags: map[string]*flagInfo{}, marks: map[string]string{}, hidden: map[string]bool{}, seen: map[string][]string{},
			globals: map[string]*flagInfo{}, goOnly: map[string]bool{}, own: home}
		if fn, ok := p.types.Scope().Lookup("newConfig").(*types.Func); ok {
			w.follow(fn, nil)
		}
		w.add(w.flags, "help", "switch", token.NoPos)
		return w.flags
	}
	return nil
}

// fieldsOf walks a type as encoding/json would, and calls back with each dotted path.
func fieldsOf(t *tree, importPath, name string, emit func(path, shape string)) bool {
	p := t.load(importPath)
	if p == nil {
		return false
	}
	obj := p.types.Scope().Lookup(name)
	if obj == nil {
		return false
	}
	var walk func(typ types.Type, at string, stack []string)
	ownJSON := func(typ types.Type) bool {
		n := named(typ)
		if n == "" {
			return false
		}
		if strings.HasSuffix(n, "runtime.RawExtension") || strings.HasSuffix(n, "runtime.Unknown") {
			return true
		}
		o, _, _ := types.LookupFieldOrMethod(types.NewPointer(typ), true, nil, "UnmarshalJSON")
		_, isFunc := o.(*types.Func)
		return isFunc
	}
	// What the items of a list or the values of a map are: a scalar's kind, or `object`, or `any` for what is deeper.
	var below func(typ types.Type) string
	below = func(typ types.Type) string {
		typ = types.Unalias(typ)
		if ptr, ok := typ.(*types.Pointer); ok {
			typ = types.Unalias(ptr.Elem())
		}
		if ownJSON(typ) {
			return ownShape(typ)
		}
		switch u := typ.Underlying().(type) {
		case *types.Struct:
			return "object"
		case *types.Basic:
			return t.scalar(typ, u)
		case *types.Slice:
			return "[]" + below(u.Elem())
		}
		return "any"
	}
	walk = func(typ types.Type, at string, stack []string) {
		typ = types.Unalias(typ)
		ptr, isPointer := typ.(*types.Pointer)
		if isPointer {
			typ = types.Unalias(ptr.Elem())
		}
		if ownJSON(typ) {
			shape := ownShape(typ)
			if isPointer && shape == "duration" {
				shape = "optional-duration" // where it is no pointer, null is read as an empty text
			}
			emit(at, shape)
			return
		}
		n := named(typ)
		for _, s := range stack {
			if s == n && n != "" {
				emit(at, "any")
				return
			}
		}
		if n != "" {
			stack = append(append([]string{}, stack...), n)
		}
		switch u := typ.Underlying().(type) {
		case *types.Struct:
			if at != "" {
				emit(at, "object")
			}
			for i := 0; i < u.NumFields(); i++ {
				f := u.Field(i)
				tag := reflect.StructTag(u.Tag(i)).Get("json")
				parts := strings.Split(tag, ",")
				if parts[0] == "-" || (!f.Exported() && !f.Embedded()) {
					continue
				}
				inline := f.Embedded() && parts[0] == ""
				for _, o := range parts[1:] {
					inline = inline || o == "inline"
				}
				if inline {
					ft := f.Type()
					if ptr, ok := ft.(*types.Pointer); ok {
						ft = ptr.Elem()
					}
					if _, ok := ft.Underlying().(*types.Struct); ok {
						walk(ft, at, stack)
						continue
					}
				}
				field := parts[0]
				if field == "" {
					field = f.Name()
				}
				next := field
				if at != "" {
					next = at + "." + field
				}
				walk(f.Type(), next, stack)
			}
		case *types.Slice:
			if b, ok := u.Elem().Underlying().(*types.Basic); ok && b.Kind() == types.Uint8 {
				emit(at, "base64")
				return
			}
			emit(at, "[]"+below(u.Elem()))
			walk(u.Elem(), at+"[]", stack)
		case *types.Map:
			emit(at, "{}"+below(u.Elem()))
			walk(u.Elem(), at+"{}", stack)
		case *types.Basic:
			if u.Kind() == types.Invalid {
				fmt.Fprintln(os.Stderr, "unknown type of", name, at)
				emit(at, "any")
				return
			}
			if !strings.HasSuffix(at, "[]") && !strings.HasSuffix(at, "{}") {
				emit(at, t.scalar(typ, u))
			}
		default:
			emit(at, "any")
		}
	}
	walk(obj.Type(), "", nil)
	return true
}

// ownShape gives what a type takes that reads itself.
func ownShape(typ types.Type) string {
	for end, what := range map[string]string{
		"runtime.RawExtension": "any", "runtime.Unknown": "any", "meta/v1.Duration": "duration", "resource.Quantity": "quantity",
		"intstr.IntOrString": "int-or-string",
	} {
		if strings.HasSuffix(named(typ), end) {
			return what
		}
	}
	return "value"
}

// scalar gives the kind of a plain value, and the texts that it is chosen from where its type has constants.
func (t *tree) scalar(typ types.Type, basic *types.Basic) string {
	kind := basic.Name()
	if kind == "int" || kind == "uint" {
		kind += "64"
	}
	n, ok := typ.(*types.Named)
	if !ok || basic.Kind() != types.String || n.Obj().Pkg() == nil {
		return kind
	}
	var choices []string
	scope := n.Obj().Pkg().Scope()
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), typ) {
			choices = append(choices, constant.StringVal(c.Val()))
		}
	}
	sort.Strings(choices)
	choices = slices.Compact(choices) // a default is another name of one of them
	if len(choices) > 1 {
		kind += "=" + strings.Join(choices, ",")
	}
	return kind
}

// gatesOf gives the feature gates that the components' packages put into their tables of gates, each with its state in this
// minor: `off`, `on`, or `locked` (which cannot be set otherwise). The second are those that kube-controller-manager alone knows.
func gatesOf(t *tree, minor int) (map[string]string, map[string]string) {
	gates, controllers := map[string]string{}, map[string]string{}
	eachGate(t, func(importPath string, p *pkg, name string, value ast.Expr) {
		into := gates
		if strings.HasPrefix(importPath, "k8s.io/controller-manager/") || strings.HasPrefix(importPath, "k8s.io/cloud-provider/") {
			into = controllers
		}
		if state := gateState(p, value, minor); state != "" {
			into[name] = state
		}
	})
	for name := range gates {
		delete(controllers, name)
	}
	return gates, controllers
}

// needsOf gives for each feature gate those without which it may not be on, and how mature each of the two is in this minor:
// `alpha` and `beta` are what AllAlpha and AllBeta speak of.
func needsOf(t *tree, minor int) map[string]map[string]string {
	maturity, needs := map[string]string{}, map[string][]string{}
	eachGate(t, func(_ string, p *pkg, name string, value ast.Expr) {
		if now := specOf(p, value, minor); now != nil {
			maturity[name] = strings.ToLower(now["PreRelease"])
		} else if lit, ok := value.(*ast.CompositeLit); ok {
			for _, e := range lit.Elts {
				if tv := p.info.Types[e]; tv.Value != nil && strings.HasSuffix(named(tv.Type), ".Feature") {
					needs[name] = append(needs[name], constant.StringVal(tv.Value))
				}
			}
		}
	})
	all := map[string]map[string]string{}
	for name, others := range needs {
		all[name] = map[string]string{}
		for _, other := range others {
			if maturity[name] == "" || maturity[other] == "" {
				fmt.Fprintln(os.Stderr, "a gate without a state:", name, "needs", other)
			}
			all[name][other] = maturity[name] + "," + maturity[other]
		}
	}
	return all
}

// eachGate calls `tell` with each entry of a map by feature gate, in the packages that the components are made of.
func eachGate(t *tree, tell func(importPath string, p *pkg, name string, value ast.Expr)) {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(importPath string) {
		if seen[importPath] {
			return
		}
		seen[importPath] = true
		files := t.parse(importPath)
		for _, i := range importsOf(files) {
			if strings.HasPrefix(i, "k8s.io/") {
				visit(i)
			}
		}
		if !strings.Contains(importPath, "feature") && !strings.Contains(importPath, "component-base") {
			return
		}
		mentions := false
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				mentions = mentions || ok && (id.Name == "FeatureSpec" || id.Name == "VersionedSpecs")
				return !mentions
			})
		}
		if !mentions {
			return
		}
		p := t.load(importPath)
		for _, f := range p.files {
			for _, d := range f.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
					ast.Inspect(g, func(n ast.Node) bool {
						if kv, ok := n.(*ast.KeyValueExpr); ok {
							if tv := p.info.Types[kv.Key]; tv.Value != nil && strings.HasSuffix(named(tv.Type), ".Feature") {
								tell(importPath, p, constant.StringVal(tv.Value), kv.Value)
								return false
							}
						}
						return true
					})
				}
			}
		}
	}
	for _, c := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"} {
		visit("k8s.io/kubernetes/cmd/" + c)
	}
}

// gateState is what a specification makes of a feature gate in this minor; nothing where it is none.
func gateState(p *pkg, x ast.Expr, minor int) string {
	spec := specOf(p, x, minor)
	if spec == nil {
		return ""
	}
	state := "off"
	if spec["Default"] == "true" {
		state = "on"
	}
	if spec["LockToDefault"] == "true" {
		return "locked-" + state
	}
	return state
}

// specOf reads `{Default: true, PreRelease: featuregate.Beta}`, or the last of a list of such that holds for this minor, as words by field. It
// is nil for the entry of another map with gates for keys: which depends on which. A gate that is younger than this minor has none.
func specOf(p *pkg, x ast.Expr, minor int) map[string]string {
	lit, ok := x.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	if len(lit.Elts) > 0 {
		if _, isList := lit.Elts[0].(*ast.CompositeLit); isList {
			var spec map[string]string
			for _, one := range lit.Elts {
				since, least, next := 0, 0, specOf(p, one, minor)
				for _, e := range one.(*ast.CompositeLit).Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						into := map[string]*int{"Version": &since, "MinCompatibilityVersion": &least}[fmt.Sprint(kv.Key)]
						ast.Inspect(kv.Value, func(n ast.Node) bool {
							if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && into != nil {
								fmt.Sscanf(strings.Trim(l.Value, `"`), "1.%d", into)
							}
							return true
						})
					}
				}
				// By itself a program is compatible with the minor before it.
				if since <= minor && least < minor {
					spec = next
				}
			}
			return spec
		}
	}
	spec := map[string]string{}
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		value := fmt.Sprint(kv.Value)
		if sel, ok := kv.Value.(*ast.SelectorExpr); ok {
			value = sel.Sel.Name
		}
		spec[fmt.Sprint(kv.Key)] = value
	}
	_, hasDefault := spec["Default"]
	_, hasMaturity := spec["PreRelease"]
	if !hasDefault && !hasMaturity {
		return nil
	}
	return spec
}

// The files that a component reads: the kind, its group, the packages that hold its versions, and the type. A version of it that
// a later release has under another group is another file's.
var files = []struct{ kind, group, pkg, typ string }{
	{"KubeletConfiguration", "kubelet.config.k8s.io", "k8s.io/kubelet/config/v1beta1", "KubeletConfiguration"},
	{"CredentialProviderConfig", "kubelet.config.k8s.io", "k8s.io/kubelet/config/*", "CredentialProviderConfig"},
	{"KubeProxyConfiguration", "kubeproxy.config.k8s.io", "k8s.io/kube-proxy/config/v1alpha1", "KubeProxyConfiguration"},
	{"KubeSchedulerConfiguration", "kubescheduler.config.k8s.io", "k8s.io/kube-scheduler/config/*", "KubeSchedulerConfiguration"},
	{"EncryptionConfiguration", "apiserver.config.k8s.io", "k8s.io/apiserver/pkg/apis/apiserver/v1;k8s.io/apiserver/pkg/apis/config/v1", "EncryptionConfiguration"},
	{"AuthenticationConfiguration", "apiserver.config.k8s.io", "k8s.io/apiserver/pkg/apis/apiserver/*", "AuthenticationConfiguration"},
	{"AuthorizationConfiguration", "apiserver.config.k8s.io", "k8s.io/apiserver/pkg/apis/apiserver/*", "AuthorizationConfiguration"},
	{"AdmissionConfiguration", "apiserver.config.k8s.io", "k8s.io/apiserver/pkg/apis/apiserver/v1", "AdmissionConfiguration"},
	{"Policy", "audit.k8s.io", "k8s.io/apiserver/pkg/apis/audit/*", "Policy"},
	{"Config", "", "k8s.io/client-go/tools/clientcmd/api/v1", "Config"},
}

func main() {
	// `extract flags|etcd|fields|gates|needs VERSION ROOT ...` prints a line for each version and name; `extract table` joins such lines.
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	if len(os.Args) == 3 && os.Args[1] == "table" {
		tables(os.Args[2], os.Stdin, out)
		return
	}
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: extract flags|etcd|fields|gates|needs VERSION ROOT ... | extract table flags|fields|gates|needs")
		os.Exit(2)
	}
	build.Default.CgoEnabled = false // for the standard library's source
	for i := 2; i+1 < len(os.Args); i += 2 {
		minor, root := os.Args[i], os.Args[i+1]
		root, _ = filepath.Abs(root)
		t := newTree(root)
		switch os.Args[1] {
		case "flags", "etcd":
			components := []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"}
			if os.Args[1] == "etcd" {
				components = []string{"etcd"}
			}
			for _, c := range components {
				fmt.Fprintln(os.Stderr, "--", minor, c)
				var fl map[string]*flagInfo
				if c == "etcd" {
					fl = etcdFlags(t)
				} else {
					fl = flagsOf(t, c)
				}
				names := make([]string, 0, len(fl))
				for n := range fl {
					names = append(names, n)
				}
				sort.Strings(names)
				for _, n := range names {
					f := fl[n]
					word := func(b bool, s string) string {
						if b {
							return s
						}
						return "-"
					}
					fmt.Fprintln(out, strings.Join([]string{minor, c, n, f.takes, word(f.deprecated, "deprecated"), word(f.hidden, "hidden"), f.where, strings.Join(strings.Fields(f.message), " ")}, "\t"))
				}
			}
		case "gates":
			number := 0
			fmt.Sscan(minor, &number)
			gates, controllers := gatesOf(t, number)
			for name, state := range gates {
				fmt.Fprintln(out, strings.Join([]string{minor, "kubernetes", name, state}, "\t"))
			}
			for name, state := range controllers {
				fmt.Fprintln(out, strings.Join([]string{minor, "kube-controller-manager", name, state}, "\t"))
			}
		case "needs":
			number := 0
			fmt.Sscan(minor, &number)
			for name, others := range needsOf(t, number) {
				for other, maturity := range others {
					fmt.Fprintln(out, strings.Join([]string{minor, name, other, maturity}, "\t"))
				}
			}
		case "fields":
			for _, k := range files {
				var paths []string
				for _, one := range strings.Split(k.pkg, ";") {
					if strings.HasSuffix(one, "/*") {
						entries, _ := os.ReadDir(filepath.Join(root, strings.TrimSuffix(one, "/*")))
						for _, e := range entries {
							if e.IsDir() {
								paths = append(paths, strings.TrimSuffix(one, "*")+e.Name())
							}
						}
					} else {
						paths = append(paths, one)
					}
				}
				done := map[string]bool{}
				for _, q := range paths {
					v := path.Base(q)
					if done[v] {
						continue
					}
					seen := map[string]string{}
					if fieldsOf(t, q, k.typ, func(at, shape string) {
						switch version := v; {
						case at == "kind":
							shape = "string=" + k.kind
						case at == "apiVersion":
							if k.group != "" {
								version = k.group + "/" + v
							}
							shape = "string=" + version
						}
						inMap := strings.Contains(at, "{}") // what a map holds is not looked into: its keys are the writer's
						if at = strings.ReplaceAll(at, "[]", ""); seen[at] == "" && !inMap {
							seen[at] = shape
							fmt.Fprintln(out, strings.Join([]string{minor, k.kind + "/" + v, at, shape}, "\t"))
						}
					}) {
						done[v] = true
					}
				}
			}
		}
		out.Flush()
	}
}
