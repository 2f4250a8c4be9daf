package ullage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"ullage.example/ullage"
)

// What every binding answers: tests/scenarios/README.md.
func TestScenario(t *testing.T) {
	folder := filepath.Join("..", "..", "tests", "scenarios")
	script, err := os.ReadFile(filepath.Join(folder, "scenario.txt"))
	if err != nil {
		t.Fatal(err)
	}
	expected, err := os.ReadFile(filepath.Join(folder, "expected.txt"))
	if err != nil {
		t.Fatal(err)
	}
	run := newRunner(t)
	var said strings.Builder
	for i, line := range strings.Split(strings.TrimSuffix(string(script), "\n"), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		var words []string
		for _, word := range strings.Split(line, "\t") {
			words = append(words, decoded(word))
		}
		fmt.Fprintf(&said, "%d %s %s\n", i+1, words[0], run.call(words))
	}
	want, got := strings.Split(string(expected), "\n"), strings.Split(said.String(), "\n")
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Errorf("answer %d:\n got %q\nwant %q", i, at(got, i), at(want, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

func unescaped(word string) string {
	var plain []byte
	for i := 0; i < len(word); i++ {
		if word[i] == '%' && i+2 < len(word) {
			code, _ := strconv.ParseUint(word[i+1:i+3], 16, 8)
			plain = append(plain, byte(code))
			i += 2
		} else {
			plain = append(plain, word[i])
		}
	}
	return string(plain)
}

func decoded(word string) string {
	var text strings.Builder
	for strings.HasPrefix(word, "*") {
		count, rest, ok := strings.Cut(word[1:], ":")
		times, err := strconv.Atoi(count)
		if !ok || err != nil {
			break
		}
		end := strings.IndexByte(rest, '*')
		if end < 0 {
			end = len(rest)
		}
		text.WriteString(strings.Repeat(unescaped(rest[:end]), times))
		word = rest[end:]
	}
	return text.String() + unescaped(word)
}

func shown(text string) string {
	var out strings.Builder
	for i := 0; i < len(text) && i < 60; i++ {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.:/", c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02x", c)
		}
	}
	if len(text) > 60 {
		fmt.Fprintf(&out, "...(%d)", len(text))
	}
	return out.String()
}

type runner struct {
	clock   *ullage.ManualClock
	cache   *ullage.Cache[string, string, []byte]
	removed map[string]int
}

func newRunner(t *testing.T) *runner {
	r := &runner{clock: ullage.NewManualClock(1000 * time.Second), removed: map[string]int{}}
	cache, err := ullage.New[string, string, []byte](ullage.Options{
		MemoryLimit: 8 << 20, Manual: true, Clock: r.clock,
		OnRemoval: func(removal ullage.Removal) { r.removed[removal.Cause.String()]++ }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	r.cache = cache
	return r
}

func failure(err error) string {
	if errors.Is(err, ullage.ErrClosed) {
		return "error closed"
	}
	var why *ullage.Error
	if errors.As(err, &why) {
		return "error " + why.Code + ": " + why.Message
	}
	return "error: " + err.Error()
}
func yes(is bool, err error) string {
	if err != nil {
		return failure(err)
	}
	if is {
		return "yes"
	}
	return "no"
}
func ok(err error) string {
	if err != nil {
		return failure(err)
	}
	return "ok"
}
func told(number any, err error) string {
	if err != nil {
		return failure(err)
	}
	return fmt.Sprint(number)
}
func value(bytes []byte, found bool, err error) string {
	if err != nil {
		return failure(err)
	}
	if !found {
		return "none"
	}
	return "value " + shown(string(bytes))
}
func left(ttl time.Duration, found bool, err error) string {
	switch {
	case err != nil:
		return failure(err)
	case !found:
		return "none"
	case ttl == ullage.Forever:
		return "never"
	}
	return fmt.Sprint(ttl.Milliseconds())
}
func number(word string) int64 {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}
func ms(word string) time.Duration { return time.Duration(number(word)) * time.Millisecond }
func listed(entries map[string]string) string {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	sort.Strings(names)
	text := fmt.Sprint(len(names))
	for _, name := range names {
		text += " " + shown(name) + "=" + shown(entries[name])
	}
	return text
}

func (r *runner) call(w []string) string {
	c := r.cache
	switch w[0] {
	case "set":
		return r.set(w)
	case "get":
		return value(c.Get(w[1], w[2]))
	case "contains":
		return yes(c.Contains(w[1], w[2]))
	case "erase":
		return yes(c.Erase(w[1], w[2]))
	case "size":
		stats, err := c.Stats()
		return told(stats.Entries, err)
	case "groups":
		stats, err := c.Stats()
		return told(stats.Groups, err)
	case "group_size":
		return told(c.GroupSize(w[1]))
	case "increment":
		return told(c.Increment(w[1], w[2], number(w[3])))
	case "compare_and_set":
		return yes(c.CompareAndSet(w[1], w[2], []byte(w[3]), []byte(w[4])))
	case "ttl":
		return left(c.TTLOf(w[1], w[2]))
	case "group_ttl":
		return left(c.GroupTTL(w[1]))
	case "expire":
		return yes(c.Expire(w[1], w[2], ms(w[3])))
	case "expire_group":
		return yes(c.ExpireGroup(w[1], ms(w[2])))
	case "advance":
		r.clock.Advance(ms(w[1]))
		return "ok"
	case "get_many":
		return r.getMany(w)
	case "set_many":
		return r.setMany(w)
	case "for_each", "scan":
		entries := map[string]string{}
		for field, value := range c.All(w[1]) {
			entries[field] = string(value)
		}
		return listed(entries)
	case "list", "scan_groups":
		groups := map[string]string{}
		for group, fields := range c.Groups() {
			groups[group] = fmt.Sprint(fields)
		}
		return listed(groups)
	case "erase_group":
		return yes(c.EraseGroup(w[1]))
	case "rename_group":
		return ok(c.RenameGroup(w[1], w[2], len(w) > 3))
	case "group_limits":
		return yes(c.SetGroupLimits(w[1], ullage.GroupLimits{MaxFields: uint64(number(w[2])),
			MaxBytes: uint64(number(w[3])), IdleTTL: ms(w[4])}))
	case "clear":
		return ok(c.Clear())
	case "tick":
		for {
			done, err := c.Tick(1000)
			if err != nil || done < 1000 {
				return ok(err)
			}
		}
	case "load":
		return r.load(w)
	case "define_class":
		return ok(c.DefineClass(w[1], ullage.ClassLimits{Max: uint64(number(w[2]))}))
	case "remove_class":
		return yes(c.RemoveClass(w[1]))
	case "json_put":
		return ok(c.JSONPut(w[1], w[2], []byte(w[3]), 0))
	case "json_get":
		json, complete, err := c.JSONGet(w[1], w[2])
		switch {
		case err != nil:
			return failure(err)
		case json == nil:
			return "none"
		case !complete:
			return "json " + string(json) + " incomplete"
		}
		return "json " + string(json)
	case "json_erase":
		leaves, found, err := c.JSONErase(w[1], w[2])
		if err == nil && !found {
			return "none"
		}
		return told(leaves, err)
	case "json_merge":
		return ok(c.JSONMerge(w[1], []byte(w[2])))
	case "json_patch":
		return ok(c.JSONPatch(w[1], []byte(w[2])))
	case "removals":
		var causes []string
		for cause, count := range r.removed {
			causes = append(causes, fmt.Sprintf(" %s=%d", cause, count))
		}
		sort.Strings(causes)
		return "removals" + strings.Join(causes, "")
	case "stats":
		stats, err := c.Stats()
		return told(fmt.Sprintf("entries=%d groups=%d limit=%d erased=%d", stats.Entries, stats.Groups,
			stats.MemoryLimit, stats.Removals[ullage.Erased]), err)
	case "validate":
		return ok(c.Validate())
	case "close":
		c.Close()
		return "ok"
	}
	return "no such call"
}

func (r *runner) set(w []string) string {
	var options []ullage.SetOption
	for _, word := range w[4:] {
		switch {
		case strings.HasPrefix(word, "ttl="):
			options = append(options, ullage.TTL(ms(word[4:])))
		case word == "keep":
			options = append(options, ullage.KeepTTL())
		case word == "if=absent":
			options = append(options, ullage.IfAbsent())
		case word == "if=present":
			options = append(options, ullage.IfPresent())
		}
	}
	outcome, err := r.cache.Set(w[1], w[2], []byte(w[3]), options...)
	return told([]string{"inserted", "replaced", "unchanged"}[outcome], err)
}

func (r *runner) getMany(w []string) string {
	keys := make([]ullage.Key[string, string], 0, len(w))
	for _, field := range w[2:] {
		keys = append(keys, ullage.Key[string, string]{Group: w[1], Field: field})
	}
	values, found, err := r.cache.GetMany(keys, nil, nil)
	if err != nil {
		return failure(err)
	}
	text := fmt.Sprint(len(values))
	for i := range values {
		text += " " + value(values[i], found[i], nil)
	}
	return text
}

func (r *runner) setMany(w []string) string {
	var items []ullage.Item[string, string, []byte]
	for i := 2; i+1 < len(w); i += 2 {
		items = append(items, ullage.Item[string, string, []byte]{Group: w[1], Field: w[i], Value: []byte(w[i+1])})
	}
	written, err := r.cache.SetMany(items)
	if err != nil {
		return fmt.Sprint(written) + " " + failure(err)
	}
	return fmt.Sprint(written)
}

func (r *runner) load(w []string) string {
	var options ullage.LoadOptions
	if len(w) > 5 {
		options.TTL = ms(w[5])
	}
	bytes, found, err := r.cache.GetOrLoad(context.Background(), w[1], w[2], func(context.Context) ([]byte, error) {
		switch w[3] {
		case "none":
			return nil, ullage.ErrNone
		case "fail":
			return nil, errors.New(w[4])
		}
		return bytes.Clone([]byte(w[4])), nil
	}, options)
	return value(bytes, found, err)
}
