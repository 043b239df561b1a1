package apiseal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
)

// repositoryFile is a file of the repository that the module is a part of.
func repositoryFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile("../" + path)
	if err != nil {
		t.Fatalf("run the tests in the repository: %v", err)
	}
	return string(data)
}

func TestEveryCodeOfTheTableIsOne(t *testing.T) {
	table := regexp.MustCompile("(?m)^\\| (\\d+) \\| `(\\w+)` \\|").FindAllStringSubmatch(repositoryFile(t, "docs/errors.md"), -1)
	source, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range table {
		var number Code
		fmt.Sscan(row[1], &number)
		if number.String() != row[2] {
			t.Errorf("%d is %s, not %s", number, number, row[2])
		}
		if !strings.Contains(string(source), fmt.Sprintf("\tCode%s Code = %d\n", row[2], number)) {
			t.Errorf("there is no constant Code%s", row[2])
		}
	}
	header := regexp.MustCompile(`#define APISEAL_E_\w+ (\d+)`).FindAllStringSubmatch(repositoryFile(t, "include/apiseal.h"), -1)
	if len(table) != len(codeNames) || len(header) != len(codeNames) || len(table) < 70 {
		t.Errorf("%d rows, %d codes of the header, %d of Go", len(table), len(header), len(codeNames))
	}
	if unknown := Code(7); unknown.String() != "Code(7)" {
		t.Error(unknown)
	}
}

func TestEveryCodeIsOfAKind(t *testing.T) {
	kinds := []error{ErrArgument, ErrContext, ErrPolicy, ErrDocument, ErrKeyring, ErrToken, ErrRejected, ErrSignature, ErrInternal}
	for code := range codeNames {
		var found []error
		for _, kind := range kinds {
			if errors.Is(&Error{Code: code}, kind) {
				found = append(found, kind)
			}
		}
		if len(found) != 1 {
			t.Errorf("%s is of the kinds %v", code, found)
		}
	}
	for kind, codes := range map[error][]Code{
		ErrNoMatch: {211}, ErrNotEncrypted: {213}, ErrAlreadyEncrypted: {214}, ErrUnknownKey: {401}, ErrKeyState: {402},
		ErrSignatureMissing: {600}, ErrNotCovered: {603}, ErrSignatureInvalid: {611}, ErrReplayed: {615},
		ErrSignatureTime: {608, 609}, ErrDigest: {612, 613, 614}, ErrReplayStore: {616, 617},
		ErrLimit: {310, 311, 312, 313, 314, 315, 316, 317, 621},
	} {
		count := 0
		for code := range codeNames {
			if errors.Is(&Error{Code: code}, kind) {
				count++
			}
		}
		for _, code := range codes {
			if !errors.Is(&Error{Code: code}, kind) {
				t.Errorf("%s is not %v", code, kind)
			}
		}
		if count != len(codes) {
			t.Errorf("%d codes are %v", count, kind)
		}
	}
	if errors.Is(&Error{Code: CodeRejected}, errors.New("another")) {
		t.Error("an error is everything")
	}
}

func TestErrorsInALog(t *testing.T) {
	var log strings.Builder
	err := &Error{Code: CodeNoMatch, Message: "a rule matched nothing [211]", Path: "$['a']", Offset: 3, KeyID: "k1"}
	slog.New(slog.NewTextHandler(&log, nil)).Info("failed", "err", err)
	for _, part := range []string{"err.code=211", "err.name=NoMatch", "err.path=$['a']", "err.offset=3", "err.key_id=k1"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("%s lacks %s", log.String(), part)
		}
	}
	if err.Error() != "apiseal: a rule matched nothing [211]" || (&Error{Code: 7, Message: "a"}).Error() != "apiseal: a [7]" {
		t.Error(err.Error())
	}
}
