// Command gpx_librum_datasource is the back end of the Grafana data source
// librum-datasource: Grafana starts it and speaks gRPC to it.
package main

import (
	"os"

	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"

	"github.com/librum/librum/grafana-plugin/pkg/source"
)

func main() {
	if err := datasource.Manage(source.PluginID, source.New, datasource.ManageOpts{}); err != nil {
		log.DefaultLogger.Error("the back end ended", "error", err)
		os.Exit(1)
	}
}
