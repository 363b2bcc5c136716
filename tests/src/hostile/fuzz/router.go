// Reads targets as net/http does: http.ReadRequest, then http.ServeMux.
//
// First line: the routes as JSON. Each further line: method and target in hex, and the route that the
// filter matched. One JSON object is answered for each. ServeMux refuses two routes of which neither
// is more specific; those that it did not take are reported as untaken.

//go:debug httpmuxgo121=0
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
)

type route struct {
	Name   string `json:"name"`
	Method string `json:"method"`
	Path   string `json:"path"`
}

type answer struct {
	Route   string   `json:"route,omitempty"`
	Values  []string `json:"values,omitempty"`
	Other   string   `json:"other"`
	Untaken bool     `json:"untaken"`
}

var last *answer

func take(mux *http.ServeMux, r route) (taken bool) {
	defer func() {
		if recover() != nil {
			taken = false
		}
	}()
	path := r.Path
	if strings.HasSuffix(path, "/") {
		// Without this it would match everything below.
		path += "{$}"
	}
	var names []string
	for _, part := range strings.Split(r.Path, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	mux.HandleFunc(r.Method+" "+path, func(_ http.ResponseWriter, request *http.Request) {
		last = &answer{Route: r.Name, Values: []string{}}
		for _, name := range names {
			last.Values = append(last.Values, hex.EncodeToString([]byte(request.PathValue(name))))
		}
	})
	return true
}

func read(mux *http.ServeMux, method, target string) answer {
	m, _ := hex.DecodeString(method)
	t, _ := hex.DecodeString(target)
	text := string(m) + " " + string(t) + " HTTP/1.1\r\nHost: atlas.internal\r\n\r\n"
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return answer{Other: err.Error()}
	}
	last = nil
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, request)
	if last == nil {
		return answer{Other: fmt.Sprint(recorder.Code, " ", recorder.Header().Get("Location"))}
	}
	return *last
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	input.Scan()
	var routes []route
	if err := json.Unmarshal(input.Bytes(), &routes); err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	untaken := map[string]bool{}
	for _, r := range routes {
		if !take(mux, r) {
			untaken[r.Name] = true
		}
	}
	encoder := json.NewEncoder(output)
	for input.Scan() {
		parts := strings.Fields(input.Text())
		out := answer{Untaken: true}
		if !untaken[parts[2]] {
			out = read(mux, parts[0], parts[1])
		}
		if err := encoder.Encode(out); err != nil {
			panic(err)
		}
	}
}
