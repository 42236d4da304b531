package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
)

// TestPlugin asks the built plug-in, through go-plugin's handshake and gRPC, about
// a node that has trained.
func TestPlugin(t *testing.T) {
	t.Parallel()
	n, b := startNetwork(t), startPlugin(t)
	first, second := n.train(t, "first", 3), n.train(t, "second", 2)
	n.transfer(t, 7)
	n.settle(t)
	at := settings(n.url, n.token, `{}`)

	t.Run("search", func(t *testing.T) { checkSearch(t, n, b, at) })
	t.Run("aggregate", func(t *testing.T) { checkAggregate(t, b, at, first) })
	t.Run("training", func(t *testing.T) { checkTraining(t, n, b, at, first, second) })
	t.Run("blocks", func(t *testing.T) { checkBlocks(t, n, b, at) })
	t.Run("nothing found", func(t *testing.T) { checkEmpty(t, b, at) })
	t.Run("annotations", func(t *testing.T) { checkAnnotations(t, b, at, first) })
	t.Run("health", func(t *testing.T) { checkHealth(t, n, b) })
	t.Run("errors", func(t *testing.T) { checkErrors(t, n, b, at) })
	t.Run("resources", func(t *testing.T) { checkResources(t, n, b, at, first) })
	t.Run("streams", func(t *testing.T) { checkStreams(t, n, b, at, first) })
}

func column(t *testing.T, f *data.Frame, name string) *data.Field {
	t.Helper()
	field, i := f.FieldByName(name)
	if i < 0 {
		t.Fatalf("frame %s has no %s", f.Name, name)
	}
	return field
}

func checkSearch(t *testing.T, n *network, b *backEnd, at *pluginv2.PluginContext) {
	t.Helper()
	frame := frames(t, b.ask(t, at, "search", `{"query":"kind:event type:token.transfer"}`))[0]
	if rows, err := frame.RowLen(); err != nil || rows != 1 {
		t.Fatalf("%d transfers, %v, want the one", rows, err)
	}
	if amount := column(t, frame, "amount").At(0).(*string); *amount != "7" {
		t.Errorf("amount %s, want the exact 7", *amount)
	}
	if column(t, frame, "time").Type() != data.FieldTypeNullableTime || column(t, frame, "height").Type() != data.FieldTypeNullableInt64 {
		t.Errorf("time and height have types %v and %v", column(t, frame, "time").Type(), column(t, frame, "height").Type())
	}
	proof := column(t, frame, "proof")
	link := proof.Config.Links[0].URL
	if place := proof.At(0).(string); !strings.HasPrefix(place, "/v1/transactions/") || !strings.HasPrefix(link, "/api/datasources/uid/librum/resources/proof?of=") {
		t.Errorf("the proof is at %s by %s", place, link)
	}
	logs := frames(t, b.ask(t, at, "search", `{"query":"kind:event","format":"logs","limit":5}`))[0]
	if rows, _ := logs.RowLen(); rows != 5 || logs.Meta.Type != data.FrameTypeLogLines || len(logs.Meta.Notices) != 1 {
		t.Errorf("%d lines of type %s, notices %v, want 5 and that there are more", rows, logs.Meta.Type, logs.Meta.Notices)
	}
	// More than a page of the node, in the order asked for.
	all, err := n.client.Search(t.Context(), searchAll())
	if err != nil {
		t.Fatal(err)
	}
	frame = frames(t, b.ask(t, at, "search", `{"timeField":"none","limit":5000,"sort":"height","order":"asc"}`))[0]
	if rows, _ := frame.RowLen(); rows != all.Total {
		t.Errorf("%d rows, want all %d", rows, all.Total)
	}
	if heights := column(t, frame, "height"); *heights.At(0).(*int64) > *heights.At(heights.Len() - 1).(*int64) {
		t.Error("the rows do not ascend")
	}
}

func checkAggregate(t *testing.T, b *backEnd, at *pluginv2.PluginContext, id ledger.Digest) {
	t.Helper()
	form := fmt.Sprintf(`{"query":"kind:event $__in(job,%s)","groupBy":["type"],"interval":"10s","metrics":[{"op":"count"}]}`, id)
	frame := frames(t, b.ask(t, at, "aggregate", form))[0]
	if frame.TimeSeriesSchema().Type != data.TimeSeriesTypeWide {
		t.Errorf("the series is %v", frame.TimeSeriesSchema().Type)
	}
	finals := 0.0
	for _, f := range frame.Fields[1:] {
		if f.Labels["type"] != "round.final" {
			continue
		}
		for row := range f.Len() {
			finals += *f.At(row).(*float64)
		}
	}
	if finals != 3 {
		t.Errorf("%v rounds became final, want 3", finals)
	}
	form = fmt.Sprintf(`{"query":"kind:round job:%s","format":"table","groupBy":["state"],"metrics":[{"op":"count"},{"op":"max","field":"accuracy"},{"op":"percentiles","field":"duration_ms","percent":90}]}`, id)
	frame = frames(t, b.ask(t, at, "aggregate", form))[0]
	if rows, _ := frame.RowLen(); rows != 1 || *column(t, frame, "state").At(0).(*string) != "final" || *column(t, frame, "count").At(0).(*float64) != 3 {
		t.Errorf("by state: %d rows", rows)
	}
	if x := column(t, frame, "max(accuracy)").At(0).(*float64); x == nil || *x <= 0 {
		t.Errorf("best accuracy %v", x)
	}
	if x := column(t, frame, "p90(duration_ms)").At(0).(*float64); x == nil || *x <= 0 {
		t.Errorf("longest round %v", x)
	}
}

func checkTraining(t *testing.T, n *network, b *backEnd, at *pluginv2.PluginContext, first, second ledger.Digest) {
	t.Helper()
	want, err := n.client.Metrics(t.Context(), first, client.Page{})
	if err != nil {
		t.Fatal(err)
	}
	frame := frames(t, b.ask(t, at, "training", fmt.Sprintf(`{"jobs":[%q]}`, first)))[0]
	accuracy := column(t, frame, "accuracy")
	if accuracy.Len() != len(want.Metrics) || accuracy.Labels["job"] != first.String() {
		t.Fatalf("%d rounds of %v, want %d", accuracy.Len(), accuracy.Labels, len(want.Metrics))
	}
	for row, m := range want.Metrics {
		if x := accuracy.At(row).(*float64); *x != m.Metrics["accuracy"] || !frame.Fields[0].At(row).(time.Time).Equal(time.UnixMilli(m.Time)) {
			t.Errorf("round %d: accuracy %v at %v, want %v", m.Round, *x, frame.Fields[0].At(row), m)
		}
	}
	two := frames(t, b.ask(t, at, "training", `{}`)) // the newest
	if len(two) != 2 {
		t.Errorf("%d frames, want one for each job", len(two))
	}
	compared := frames(t, b.ask(t, at, "training", fmt.Sprintf(`{"jobs":[%q,%q],"axis":"round","metrics":["accuracy"]}`, first, second)))[0]
	if rows, _ := compared.RowLen(); rows != 3 || len(compared.Fields) != 3 || compared.Fields[2].At(2).(*float64) != nil {
		t.Errorf("compared: %d rounds of %d fields, want 3, the second job without the third", rows, len(compared.Fields)-1)
	}
	byPeer := frames(t, b.ask(t, at, "training", fmt.Sprintf(`{"jobs":[%q],"by":"peer","metrics":["accuracy","num_examples"]}`, first)))
	if len(byPeer) != peers {
		t.Fatalf("%d frames, want one for each of %d peers", len(byPeer), peers)
	}
	for _, f := range byPeer {
		if f.Rows() != 3 || f.Fields[1].Labels["peer"] == "" || *column(t, f, "num_examples").At(0).(*float64) <= 0 {
			t.Errorf("a peer has %d answers, labels %v", f.Rows(), f.Fields[1].Labels)
		}
	}
	rounds := frames(t, b.ask(t, at, "training", fmt.Sprintf(`{"jobs":[%q],"format":"table"}`, first)))[0]
	answers := frames(t, b.ask(t, at, "training", fmt.Sprintf(`{"jobs":[%q],"format":"table","by":"peer"}`, first)))[0]
	if rounds.Rows() != 3 || answers.Rows() != 3*peers {
		t.Errorf("%d rounds and %d answers, want 3 and %d", rounds.Rows(), answers.Rows(), 3*peers)
	}
}

func checkBlocks(t *testing.T, n *network, b *backEnd, at *pluginv2.PluginContext) {
	t.Helper()
	final := n.Nodes[0].Status().Final
	frame := frames(t, b.ask(t, at, "blocks", `{"interval":"1m"}`))[0]
	blocks, transactions := 0.0, 0.0
	for row := range frame.Rows() {
		blocks += *column(t, frame, "blocks").At(row).(*float64)
		transactions += *column(t, frame, "transactions").At(row).(*float64)
	}
	if uint64(blocks) < final || transactions < blocks {
		t.Errorf("%v blocks with %v transactions, want at least %d", blocks, transactions, final)
	}
	rows := frames(t, b.ask(t, at, "blocks", `{"format":"table","limit":3}`))[0]
	if rows.Rows() != 3 || *column(t, rows, "block time").At(0).(*float64) < 0 || column(t, rows, "proof").At(0).(string) == "" {
		t.Errorf("%d blocks in the table, want 3", rows.Rows())
	}
	live := frames(t, b.ask(t, at, "blocks", `{"stream":true}`))[0]
	if live.Meta.Channel != "ds/librum/blocks" || live.Rows() == 0 {
		t.Errorf("live: channel %s, %d blocks", live.Meta.Channel, live.Rows())
	}
}

// checkEmpty asks for times before the chain: fields with types and without
// values, for alerts.
func checkEmpty(t *testing.T, b *backEnd, at *pluginv2.PluginContext) {
	t.Helper()
	from := time.Now().Add(-100 * time.Hour)
	for _, q := range []struct{ kind, form string }{
		{"search", `{"query":"kind:event"}`},
		{"search", `{"query":"kind:event","format":"logs"}`},
		{"aggregate", `{"query":"kind:event"}`},
		{"aggregate", `{"query":"kind:event","groupBy":["type"]}`},
		{"aggregate", `{"query":"kind:event","groupBy":["type"],"format":"table"}`},
		{"training", `{}`},
		{"training", `{"by":"peer"}`},
		{"blocks", `{}`},
		{"blocks", `{"format":"table"}`},
		{"annotations", `{}`},
		{"annotations", `{"what":"blocks"}`},
	} {
		list := frames(t, b.askFor(t, at, q.kind, q.form, from, from.Add(time.Hour)))
		if len(list) == 0 || len(list[0].Fields) < 2 || list[0].Rows() != 0 {
			t.Errorf("%s %s: %d frames, want one with fields and no rows", q.kind, q.form, len(list))
		}
	}
}

func checkAnnotations(t *testing.T, b *backEnd, at *pluginv2.PluginContext, id ledger.Digest) {
	t.Helper()
	rounds := frames(t, b.ask(t, at, "annotations", fmt.Sprintf(`{"jobs":[%q]}`, id)))[0]
	if rounds.Rows() != 3 || !strings.HasPrefix(column(t, rounds, "title").At(0).(string), "round 1 of job") || column(t, rounds, "timeEnd").At(0).(*time.Time) == nil {
		t.Errorf("%d rounds are marked, want 3 with their ends", rounds.Rows())
	}
	if blocks := frames(t, b.ask(t, at, "annotations", `{"what":"blocks"}`))[0]; blocks.Rows() == 0 {
		t.Error("no block is marked")
	}
}

func checkHealth(t *testing.T, n *network, b *backEnd) {
	t.Helper()
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer stranger.Close()
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()
	secret := httptest.NewTLSServer(http.NotFoundHandler())
	defer secret.Close()
	for _, c := range []struct {
		at   *pluginv2.PluginContext
		ok   bool
		text string
	}{
		{settings(n.url, n.token, `{}`), true, "blocks are final"},
		{settings(n.url+"/", n.token, ``), true, "can be searched"},
		{settings("", n.token, `{}`), false, "URL of the node is missing"},
		{settings(n.url, "", `{}`), false, "token is missing"},
		{settings(n.url, "two words", `{}`), false, "copy it again"},
		{settings(n.url, strings.Repeat("a", 40), `{}`), false, "make another with"},
		{settings("ftp://127.0.0.1", n.token, `{}`), false, "want http://HOST:PORT"},
		{settings("http://node.example:8080", n.token, `{}`), false, "allow plain HTTP"},
		{settings("http://127.0.0.1:1", n.token, `{}`), false, "whether the node runs"},
		{settings("https://no-such-host.invalid", n.token, `{}`), false, "look"},
		{settings(strings.Replace(n.url, "http:", "https:", 1), n.token, `{}`), false, "begin the URL with http://"},
		{settings(secret.URL, n.token, `{}`), false, "With CA cert"},
		{settings(stranger.URL, n.token, `{}`), false, "no node of Librum"},
		{settings(empty.URL, n.token, `{}`), false, "no node of Librum"},
		{settings(n.url, n.token, `{"plainHTTP":7}`), false, "read the settings"},
	} {
		out, err := b.health.CheckHealth(t.Context(), &pluginv2.CheckHealthRequest{PluginContext: c.at})
		if err != nil {
			t.Fatal(err)
		}
		if ok := out.Status == pluginv2.CheckHealthResponse_OK; ok != c.ok || !strings.Contains(out.Message, c.text) {
			t.Errorf("%s: %v, %s; want %v with %q", c.at.DataSourceInstanceSettings.Url, out.Status, out.Message, c.ok, c.text)
		}
		if token := c.at.DataSourceInstanceSettings.DecryptedSecureJsonData["token"]; token != "" && strings.Contains(out.Message, token) {
			t.Errorf("the message shows the token: %s", out.Message)
		}
	}
}

func checkErrors(t *testing.T, n *network, b *backEnd, at *pluginv2.PluginContext) {
	t.Helper()
	for _, c := range []struct {
		at         *pluginv2.PluginContext
		kind, form string
		status     int32
		text       string
	}{
		{at, "search", `{"query":"height:many"}`, 400, "character 9"},
		{at, "search", `{"query":"$__nothing"}`, 400, "$__timeFilter"},
		{at, "search", `{"columns":["nothing"]}`, 400, "no field"},
		{at, "search", `{"limit":100000}`, 400, "1 to 5000"},
		{at, "search", `{"query":"kind:job) OR (kind:block"}`, 0, ""}, // what may be seen is the node's to say
		{at, "aggregate", `{"metrics":[{"op":"sum","field":"kind"}]}`, 400, "want numbers"},
		{at, "aggregate", `{"metrics":[{"op":"drop table"}]}`, 400, "want count"},
		{at, "training", `{"jobs":["x"]}`, 400, "no id of a job"},
		{at, "training", `{"jobs":["` + strings.Repeat("00", 32) + `"]}`, 404, "not_found"},
		{at, "blocks", `{"metrics":["weight"]}`, 400, "want one of"},
		{at, "trace", `{}`, 400, "no query type"},
		{settings(n.url, "wrong-token", `{}`), "health", `{}`, 401, "unauth"},
		{settings("http://127.0.0.1:1", n.token, `{}`), "health", `{}`, 502, "whether the node runs"},
		{settings("", "", `{}`), "health", `{}`, 400, "not set up"},
	} {
		r := b.ask(t, c.at, c.kind, c.form)
		if c.status == 0 {
			frames(t, r)
			continue
		}
		if r.Status != c.status || r.ErrorSource != "downstream" || !strings.Contains(r.Error, c.text) {
			t.Errorf("%s %s: %d of %s: %s; want %d with %q", c.kind, c.form, r.Status, r.ErrorSource, r.Error, c.status, c.text)
		}
	}
}

// resource asks for a path, as the front end does.
func (b *backEnd) resource(t *testing.T, at *pluginv2.PluginContext, path string, to any) int32 {
	t.Helper()
	name, _, _ := strings.Cut(path, "?")
	stream, err := b.resources.CallResource(t.Context(), &pluginv2.CallResourceRequest{PluginContext: at, Method: "GET", Path: name, Url: path})
	if err != nil {
		t.Fatal(err)
	}
	r, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(r.Body, to); err != nil {
		t.Fatalf("%s: %v: %s", path, err, r.Body)
	}
	return r.Code
}

func checkResources(t *testing.T, n *network, b *backEnd, at *pluginv2.PluginContext, id ledger.Digest) {
	t.Helper()
	type option struct{ Text, Value string }
	for path, want := range map[string]string{
		"jobs":                        id.String(),
		"contracts":                   "fl",
		"accounts":                    "",
		"values?field=type":           "round.final",
		"values?field=round":          "1",
		"metrics?job=" + id.String():  "accuracy",
		"metrics":                     "duration_s",
		"values?field=text":           "none",
		"values?field=kind&query=x:7": "error",
		"values?field=nothing":        "error",
	} {
		if want == "error" {
			var problem struct{ Message string }
			if code := b.resource(t, at, path, &problem); code != 400 || problem.Message == "" {
				t.Errorf("%s: %d %s", path, code, problem.Message)
			}
			continue
		}
		var list []option
		code := b.resource(t, at, path, &list)
		found := slices.ContainsFunc(list, func(o option) bool { return o.Value == want || want == "" })
		if code != 200 || found == (want == "none") {
			t.Errorf("%s: %d %v, want %s in it", path, code, list, want)
		}
	}
	var fields []struct{ Name, Type string }
	if code := b.resource(t, at, "fields", &fields); code != 200 || len(fields) < 20 {
		t.Errorf("fields: %d, %d of them", code, len(fields))
	}
	frame := frames(t, b.ask(t, at, "search", `{"query":"kind:event type:token.transfer"}`))[0]
	var proof struct {
		Proof  []byte
		Result struct{ Code string }
	}
	if code := b.resource(t, at, "proof?of="+column(t, frame, "proof").At(0).(string), &proof); code != 200 || len(proof.Proof) == 0 || proof.Result.Code != "ok" {
		t.Errorf("proof: %d %+v", code, proof)
	}
	var any map[string]any
	for path, want := range map[string]int32{
		"proof?of=/v1/blocks/1": 200, "proof?of=/v1/genesis": 200, "proof?of=/v1/jobs": 400, "proof?of=/v1/blocks/1/../../tokens": 400, "proof": 400,
		"proof?of=/v1/blocks/999999": 404,
	} {
		if code := b.resource(t, at, path, &any); code != want {
			t.Errorf("%s: %d %v, want %d", path, code, any, want)
		}
	}
}

func checkStreams(t *testing.T, n *network, b *backEnd, at *pluginv2.PluginContext, id ledger.Digest) {
	t.Helper()
	for path, want := range map[string]pluginv2.SubscribeStreamResponse_Status{
		"blocks":                               pluginv2.SubscribeStreamResponse_OK,
		"training/" + id.String():              pluginv2.SubscribeStreamResponse_OK,
		"training/" + strings.Repeat("00", 32): pluginv2.SubscribeStreamResponse_NOT_FOUND,
		"training/x":                           pluginv2.SubscribeStreamResponse_NOT_FOUND,
		"else":                                 pluginv2.SubscribeStreamResponse_NOT_FOUND,
	} {
		out, err := b.streams.SubscribeStream(t.Context(), &pluginv2.SubscribeStreamRequest{PluginContext: at, Path: path})
		if err != nil || out.Status != want {
			t.Errorf("subscribe to %s: %v, %v, want %v", path, out, err, want)
		}
	}
	if out, err := b.streams.PublishStream(t.Context(), &pluginv2.PublishStreamRequest{PluginContext: at, Path: "blocks", Data: []byte(`{}`)}); err != nil || out.Status != pluginv2.PublishStreamResponse_PERMISSION_DENIED {
		t.Errorf("publish: %v, %v", out, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	spec := job.Defaults()
	spec.NumRounds, spec.MinTrainPeers, spec.MinAvailablePeers = 3, peers, peers
	spec.Model.Layers = []int64{64, 16, 10}
	created, err := n.client.CreateJob(t.Context(), spec, "streamed")
	if err != nil {
		t.Fatal(err)
	}
	rounds, err := b.streams.RunStream(ctx, &pluginv2.RunStreamRequest{PluginContext: at, Path: "training/" + created.ID.String()})
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := b.streams.RunStream(ctx, &pluginv2.RunStreamRequest{PluginContext: at, Path: "blocks"})
	if err != nil {
		t.Fatal(err)
	}
	if f := received(t, blocks); column(t, f, "height").Len() == 0 {
		t.Error("a stream of blocks sends none")
	}
	last := 0.0
	for last < 3 {
		f := received(t, rounds)
		numbers := column(t, f, "round")
		for row := range numbers.Len() {
			n := *numbers.At(row).(*float64)
			if last > 0 && n != last+1 {
				t.Errorf("behind round %v came %v", last, n)
			}
			last = n
		}
		column(t, f, "accuracy")
	}
	if _, err := rounds.Recv(); err == nil { // the job has ended
		t.Error("the stream goes on behind the end of the job")
	}
}

func received(t *testing.T, s pluginv2.Stream_RunStreamClient) *data.Frame {
	t.Helper()
	packet, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var f data.Frame
	if err := json.Unmarshal(packet.Data, &f); err != nil {
		t.Fatal(err)
	}
	return &f
}
