package apiseal

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestTheHeaderIsThatOfTheLibrary(t *testing.T) {
	own, err := os.ReadFile("apiseal.h")
	if err != nil {
		t.Fatal(err)
	}
	header := repositoryFile(t, "include/apiseal.h")
	if string(own) != header {
		t.Fatal("go/apiseal.h is stale: run scripts/go-library")
	}
	if !strings.Contains(header, `APISEAL_VERSION "`+Version()+`"`) {
		t.Fatalf("the library is of version %s", Version())
	}
}

func TestTheModuleNeedsTheStandardLibraryAlone(t *testing.T) {
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(module), "require") || strings.Contains(string(module), "replace") {
		t.Fatalf("%s", module)
	}
}

// TestEveryFunctionOfTheHeaderIsUsed: the package is over all that the C ABI offers.
func TestEveryFunctionOfTheHeaderIsUsed(t *testing.T) {
	// Clones are made of what Protector and Acceptor keep; a Go program shares the object itself.
	left := map[string]string{
		"apiseal_error_name":         "codes.go has the names",
		"apiseal_cipher_clone":       "shared by pointer",
		"apiseal_keyring_clone":      "shared by pointer",
		"apiseal_key_clone":          "shared by pointer",
		"apiseal_policy_clone":       "shared by pointer",
		"apiseal_profile_clone":      "shared by pointer",
		"apiseal_redactor_clone":     "shared by pointer",
		"apiseal_replay_clone":       "shared by pointer",
		"apiseal_value_cipher_clone": "shared by pointer",
		"apiseal_protector_clone":    "shared by pointer",
		"apiseal_acceptor_clone":     "shared by pointer",
		"apiseal_context_clone":      "each frame makes its own",
		"apiseal_encrypt":            "apiseal_encrypt_into does it",
		"apiseal_decrypt":            "apiseal_decrypt_into does it",
		"apiseal_str":                "a function of C",
		"apiseal_verified_component": "the components are copied",
		"apiseal_buffer_bytes":       "a function of C",
	}
	var source strings.Builder
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".c") || strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(data)
		}
	}
	used := map[string]bool{}
	for _, name := range regexp.MustCompile(`\bapiseal_\w+`).FindAllString(source.String(), -1) {
		used[name] = true
	}
	functions := regexp.MustCompile(`(?m)^(?:\w.*[ *])?(apiseal_\w+)\(`).FindAllStringSubmatch(repositoryFile(t, "include/apiseal.h"), -1)
	if len(functions) < 100 {
		t.Fatalf("%d functions", len(functions))
	}
	for _, function := range functions {
		if name := function[1]; !used[name] && left[name] == "" {
			t.Errorf("%s is not used", name)
		}
	}
}

// TestTheCodeOfTheDocumentsRuns: what README.md and docs/go.md show stands in files of the tests.
func TestTheCodeOfTheDocumentsRuns(t *testing.T) {
	own, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	// Code stands further left in a document than in a function.
	flat := func(text string) string { return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(text, "") }
	program, blocks := flat(string(own)), 0
	for _, path := range []string{"README.md", "docs/go.md"} {
		for _, block := range strings.Split(repositoryFile(t, path), "```go\n")[1:] {
			code := strings.SplitN(block, "```", 2)[0]
			if !strings.Contains(program, flat(strings.TrimSpace(code))) {
				t.Errorf("%s: no example has\n%s", path, code)
			}
			blocks++
		}
	}
	if blocks < 6 {
		t.Errorf("%d blocks", blocks)
	}
}
