// A page with the editors alone, for tests in a browser: no Grafana, but the built back end behind it, whose resources the
// test serves under Grafana's own paths.
import { DataSourceInstanceSettings, DataSourceSettings } from '@grafana/data';
import { BackendSrv, BackendSrvRequest, setBackendSrv, setTemplateSrv, TemplateSrv } from '@grafana/runtime';
import React, { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { from } from 'rxjs';
import { DataSource } from '../src/datasource';
import { ConfigEditor } from '../src/editors/ConfigEditor';
import { QueryEditor } from '../src/editors/QueryEditor';
import { LibrumOptions, LibrumQuery, LibrumSecrets } from '../src/types';

async function ask({ url, params }: BackendSrvRequest) {
  const response = await fetch(`${url}?${new URLSearchParams(params)}`);
  const data = await response.json();
  if (!response.ok) {
    throw { status: response.status, data };
  }
  return { data };
}

setBackendSrv({ fetch: (request: BackendSrvRequest) => from(ask(request)) } as unknown as BackendSrv);
setTemplateSrv({ getVariables: () => [], replace: (text?: string) => text ?? '' } as unknown as TemplateSrv);

const datasource = new DataSource({
  uid: 'librum',
  id: 1,
  type: 'librum-datasource',
  name: 'Librum',
  jsonData: {},
} as DataSourceInstanceSettings<LibrumOptions>);

function Query() {
  const [query, setQuery] = useState<LibrumQuery>({ refId: 'A', queryType: 'blocks' });
  return (
    <>
      <QueryEditor query={query} datasource={datasource} onChange={setQuery} onRunQuery={() => undefined} />
      <pre id="state">{JSON.stringify(query)}</pre>
    </>
  );
}

function Config() {
  const [options, setOptions] = useState({
    url: '',
    jsonData: {},
    secureJsonFields: {},
    secureJsonData: {},
  } as DataSourceSettings<LibrumOptions, LibrumSecrets>);
  return (
    <>
      <ConfigEditor options={options} onOptionsChange={setOptions} />
      <pre id="state">{JSON.stringify({ url: options.url, jsonData: options.jsonData })}</pre>
    </>
  );
}

const page = new URLSearchParams(window.location.search).get('page');
createRoot(document.getElementById('root')!).render(page === 'config' ? <Config /> : <Query />);
