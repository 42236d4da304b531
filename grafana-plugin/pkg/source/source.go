package source

import (
	"context"
	"fmt"
	"sync"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"

	"github.com/librum/librum/client"
)

// PluginID is how Grafana knows the data source.
const PluginID = "librum-datasource"

// Source is one configured data source. It is safe for concurrent use.
type Source struct {
	uid      string
	client   *client.Client
	wrong    error // what is wrong with the settings: it has no client then
	schema   schema
	resource backend.CallResourceHandler
}

var (
	_ backend.QueryDataHandler      = (*Source)(nil)
	_ backend.CheckHealthHandler    = (*Source)(nil)
	_ backend.CallResourceHandler   = (*Source)(nil)
	_ backend.StreamHandler         = (*Source)(nil)
	_ instancemgmt.InstanceDisposer = (*Source)(nil)
)

// New returns the data source of the settings. Wrong settings are told by the
// health check and by each query, in words, instead of an instance that is missing.
func New(ctx context.Context, settings backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	s := &Source{uid: settings.UID}
	s.client, s.wrong = connect(ctx, &settings)
	s.resource = s.resources()
	return s, nil
}

// Dispose lets connections go once the settings have changed.
func (s *Source) Dispose() {
	if s.client != nil {
		s.client.Close()
	}
}

// atOnce is how many queries of one request are under way together.
const atOnce = 4

// QueryData implements [backend.QueryDataHandler].
func (s *Source) QueryData(ctx context.Context, request *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	var (
		out     = backend.NewQueryDataResponse()
		mutex   sync.Mutex
		running sync.WaitGroup
		places  = make(chan struct{}, atOnce)
	)
	for _, q := range request.Queries {
		running.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			answer := s.answer(ctx, &asked{q})
			mutex.Lock()
			defer mutex.Unlock()
			out.Responses[q.RefID] = answer
		})
	}
	running.Wait()
	return out, nil
}

// answer answers one query. A mistake of this program costs that query and not
// the plug-in.
func (s *Source) answer(ctx context.Context, a *asked) (out backend.DataResponse) {
	defer func() {
		if r := recover(); r != nil {
			backend.Logger.FromContext(ctx).Error("a query ended in a panic", "type", a.query.QueryType, "panic", r)
			out = failed(fmt.Errorf("answer a query of type %s: the plug-in has a mistake; its log says more", a.query.QueryType))
		}
	}()
	if s.wrong != nil {
		return failed(&askError{"the data source is not set up: " + s.wrong.Error()})
	}
	for _, t := range queryTypes() {
		if t.name != a.query.QueryType {
			continue
		}
		frames, err := t.run(s, ctx, a)
		if err != nil {
			return failed(err)
		}
		for _, f := range frames {
			f.RefID = a.query.RefID
		}
		return backend.DataResponse{Frames: frames}
	}
	return failed(wrongAsk("there is no query type %.40q", a.query.QueryType))
}

// CallResource implements [backend.CallResourceHandler].
func (s *Source) CallResource(ctx context.Context, request *backend.CallResourceRequest, sender backend.CallResourceResponseSender) error {
	return s.resource.CallResource(ctx, request, sender)
}
