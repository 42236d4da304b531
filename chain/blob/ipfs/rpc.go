package ipfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/librum/librum/chain/blob"
)

// maxAnswer bounds the answers that are not content.
const maxAnswer = 1 << 20

// rpcError is what kubo says of a command that went wrong.
type rpcError struct {
	Command string `json:"-"`
	Status  int    `json:"-"`
	Message string
}

func (e *rpcError) Error() string {
	return fmt.Sprintf("kubo: %s: %s (status %d)", e.Command, e.Message, e.Status)
}

// Is lets errors.Is(err, blob.ErrFull) hold where kubo's disk is full.
func (e *rpcError) Is(target error) bool {
	return target == blob.ErrFull && strings.Contains(e.Message, syscall.ENOSPC.Error())
}

// missing reports whether a path or block is not there.
func missing(err error) bool {
	var e *rpcError
	return errors.Is(err, errLost) || errors.As(err, &e) && (strings.Contains(e.Message, "file does not exist") ||
		strings.Contains(e.Message, "not found locally") || strings.Contains(e.Message, "no link named") || strings.Contains(e.Message, "not pinned"))
}

// rpc speaks to one kubo.
type rpc struct {
	base          string
	authorization string
	client        *http.Client
	timeout       time.Duration
}

// params are a command's arguments, in order, and its options.
func params(arguments []string, options ...string) url.Values {
	v := url.Values{"arg": arguments}
	for i := 0; i+1 < len(options); i += 2 {
		v.Set(options[i], options[i+1])
	}
	return v
}

// call runs a command whose answer is small and decodes it into out, unless
// that is nil.
func (r *rpc) call(ctx context.Context, command string, v url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	res, err := r.post(ctx, command, v, nil, "")
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err := errors.Join(err, res.Body.Close(), streamError(command, res)); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("kubo: %s: read the answer: %w", command, err)
	}
	return nil
}

// send runs a command that takes a file, whose content is what from yields.
func (r *rpc) send(ctx context.Context, command string, v url.Values, from io.Reader, out any) error {
	ctx, watch := r.watch(ctx)
	defer watch.end()
	read, write := io.Pipe()
	form := multipart.NewWriter(write)
	sent := make(chan error, 1)
	go func() {
		part, err := form.CreateFormFile("file", "file")
		if err == nil {
			_, err = io.Copy(part, &watched{r: from, watch: watch})
		}
		if err == nil {
			err = form.Close()
		}
		_ = write.CloseWithError(err) // it never fails
		sent <- err
	}()
	res, err := r.post(ctx, command, v, read, form.FormDataContentType())
	if err != nil {
		_ = read.CloseWithError(context.Canceled) // so that the writer ends; it never fails
		sendErr := <-sent
		if errors.Is(sendErr, context.Canceled) {
			sendErr = nil // that was us
		}
		return watch.reason(errors.Join(sendErr, err))
	}
	// Kubo answers at the form's last boundary, before it has seen the end of the
	// request. A request that is broken off there takes the connection with it, and
	// the answer: so the answer is read first, and the writer ends by itself.
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	closeErr := res.Body.Close()
	_ = read.CloseWithError(context.Canceled)
	if err := errors.Join(<-sent, err, closeErr, streamError(command, res)); err != nil {
		return watch.reason(err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("kubo: %s: read the answer: %w", command, err)
	}
	return nil
}

// receive runs a command that yields content, and shows it to see.
func (r *rpc) receive(ctx context.Context, command string, v url.Values, to io.Writer) error {
	ctx, watch := r.watch(ctx)
	defer watch.end()
	res, err := r.post(ctx, command, v, nil, "")
	if err != nil {
		return watch.reason(err)
	}
	_, err = io.Copy(to, &watched{r: res.Body, watch: watch})
	return watch.reason(errors.Join(err, res.Body.Close(), streamError(command, res)))
}

func (r *rpc) post(ctx context.Context, command string, v url.Values, body io.Reader, contentType string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"/api/v0/"+command+"?"+v.Encode(), body)
	if err != nil {
		return nil, fmt.Errorf("kubo: %s: %w", command, err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if r.authorization != "" {
		req.Header.Set("Authorization", r.authorization)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("kubo: %s: %w", command, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	e := &rpcError{Command: command, Status: res.StatusCode}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if json.Unmarshal(text, e) != nil || e.Message == "" {
		e.Message = strings.TrimSpace(string(text))
	}
	return nil, errors.Join(e, err, res.Body.Close())
}

// streamError returns what went wrong behind the first byte of an answer.
func streamError(command string, res *http.Response) error {
	if text := res.Trailer.Get("X-Stream-Error"); text != "" {
		return &rpcError{Command: command, Status: res.StatusCode, Message: text}
	}
	return nil
}

var errStalled = errors.New("kubo: nothing moved for too long")

// watch ends a stream in which nothing moves.
type watch struct {
	timer   *time.Timer
	timeout time.Duration
	cancel  context.CancelCauseFunc
	ctx     context.Context //nolint:containedctx // to tell a stall from a caller who left
}

func (r *rpc) watch(ctx context.Context) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &watch{
		timer: time.AfterFunc(r.timeout, func() { cancel(errStalled) }), timeout: r.timeout, cancel: cancel, ctx: ctx,
	}
}

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// reason adds the stall to an error that is due to one.
func (w *watch) reason(err error) error {
	if err != nil && errors.Is(context.Cause(w.ctx), errStalled) {
		return fmt.Errorf("%w: %w", errStalled, err)
	}
	return err
}

// watched is a reader that tells the watch of each byte.
type watched struct {
	r     io.Reader
	watch *watch
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.watch.timer.Reset(w.watch.timeout)
	}
	return n, err
}
