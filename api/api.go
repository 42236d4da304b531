package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/fxamacker/cbor/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/netlimit"
)

const (
	pathHealth  = "/healthz"
	pathReady   = "/readyz"
	pathMetrics = "/metrics"
	pathStatus  = "/v1/status"
	pathOpenAPI = "/openapi.json"
)

// server is the state behind the routes.
type server struct {
	Config

	genesis  *ledger.Genesis
	access   map[string]Access
	mux      *http.ServeMux
	huma     huma.API
	decoder  cbor.DecMode
	public   *public
	asked    *asked
	sessions *sessions
	streams  *places
	reads    *places // that wait for a position
	tasks    *places // of waits for tasks: streams must not keep peers from their work
	metrics  *metrics

	connections *netlimit.Places

	members   *meters[ledger.ID]
	strangers *meters[netip.Prefix]
	recorded  recorded // in the audit log

	remembered *remembered
}

// New returns the handler of the interface.
func New(config Config) (http.Handler, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	genesis, _, err := ledger.ParseGenesis(config.Genesis)
	if err != nil {
		return nil, fmt.Errorf("open the API: %w", err)
	}
	decoder, err := newEventDecoder()
	if err != nil {
		return nil, fmt.Errorf("open the API: %w", err)
	}
	s := &server{
		Config: config, genesis: genesis, access: accessByOperation(), mux: http.NewServeMux(), decoder: decoder,
		public:    newPublic(config.Node.State),
		asked:     newAsked(config.Node.State, maxAsked),
		streams:   newPlaces(config.Limits.Streams),
		reads:     newPlaces(config.Limits.Reads),
		members:   newMeters[ledger.ID](maxMetered, config.Limits.MemberRequests, config.Limits.MemberBytes),
		strangers: newMeters[netip.Prefix](maxMetered, config.Limits.Strangers, Rate{}),
		tasks:     newPlaces(config.Limits.Tasks),

		remembered: newRemembered(),

		connections: netlimit.New(netlimit.Bounds{Total: config.Limits.Connections, PerAddress: config.Limits.AddressConnections}),
	}
	s.sessions = newSessions(config.Limits, config.Now, func(ctx context.Context, u v1.NewUpload) bool {
		_, err := s.awaits(ctx, u)
		_, answered := asFailure(err)
		return !answered // what cannot be read may be awaited
	})
	if s.metrics, err = newMetrics(s); err != nil {
		return nil, fmt.Errorf("open the API: %w", err)
	}
	strictNames()
	s.huma = humago.New(s.mux, s.openAPIConfig())
	s.routes()
	return s, s.serveOpenAPI()
}

// routes lists every resource.
func (s *server) routes() {
	s.healthRoutes()
	s.genesisRoutes()
	s.groupRoutes()
	s.governanceRoutes()
	s.transactionRoutes()
	s.blockRoutes()
	s.accountRoutes()
	s.tokenRoutes()
	s.nftRoutes()
	s.jobRoutes()
	s.roundRoutes()
	s.eventRoutes()
	s.modelRoutes()
	s.aggregationRoutes()
	s.blobRoutes()
	s.uploadRoutes()
	s.peerRoutes()
	s.bearerTokenRoutes()
	s.searchRoutes()
}

func (s *server) openAPIConfig() huma.Config {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "Librum",
				Version: "1",
				Description: "Federated training on a ledger. Every answer carries the header " + v1.PositionHeader +
					": it holds all that the log said before that offset. Problems are RFC 9457 with a stable type.",
			},
			Components: &huma.Components{
				Schemas: newSchemas(),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer"},
				},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats: map[string]huma.Format{
			"application/json": jsonFormat(),
			"json":             jsonFormat(),
		},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.fromHuma},
	}
	// Later versions add fields to answers; requests say themselves that they
	// have no others.
	config.AllowAdditionalPropertiesByDefault = true
	return config
}

// handle registers an operation. Its errors become problems, its documentation
// names them and who may ask, and nobody else may.
func handle[I, O any](s *server, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = &huma.Response{
		Description: "A problem (RFC 9457)",
		Content: map[string]*huma.MediaType{problemType: {
			Schema: s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[v1.Problem](), true, ""),
		}},
	}
	access, closed := s.access[op.OperationID]
	if closed {
		op.Description = strings.TrimSpace(op.Description + " " + access.describe())
	} else if !slices.Contains(openOperations(), op.OperationID) {
		panic("api: operation " + op.OperationID + " stands in no row of AccessTable") // written down in code
	}
	op.Middlewares = append(huma.Middlewares{s.boundBody}, op.Middlewares...)
	if closed {
		op.Middlewares = append(huma.Middlewares{s.permitting(op.OperationID)}, op.Middlewares...)
	}
	if takesPosition(op.Method, op.Path) {
		op.Parameters = append(op.Parameters, positionParams()...)
	}
	huma.Register(s.huma, op, func(ctx context.Context, input *I) (*O, error) {
		output, err := handler(ctx, input)
		if err != nil {
			return nil, s.refuse(ctx, op.OperationID, err)
		}
		return output, nil
	})
}

// permitting refuses a caller before anything of its request is read: what is
// wrong with it is told to who may ask.
func (s *server) permitting(operation string) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		ctx, err := s.permit(hc.Context(), operation)
		if err != nil {
			s.refuseEarly(hc, operation, err)
			return
		}
		next(huma.WithContext(hc, ctx))
	}
}

// refuseEarly answers before a handler is called.
func (s *server) refuseEarly(hc huma.Context, operation string, err error) {
	r, w := humago.Unwrap(hc)
	if f, ok := asFailure(s.refuse(r.Context(), operation, err)); ok {
		writeFailure(w, f)
	}
}

// serveOpenAPI writes the document once all routes are known. The framework's
// own type of error is replaced by ours everywhere.
func (s *server) serveOpenAPI() error {
	schemas := s.huma.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	document, err := json.MarshalIndent(s.huma.OpenAPI(), "", "  ")
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	s.mux.HandleFunc("GET "+pathOpenAPI, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document) // the client has gone if it cannot be written
	})
	return nil
}
