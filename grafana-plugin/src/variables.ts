import { CustomVariableSupport, DataQueryRequest, DataQueryResponse } from '@grafana/data';
import { ComponentType } from 'react';
import { from, map, Observable } from 'rxjs';
import type { DataSource } from './datasource';
import { VariableEditor } from './editors/VariableEditor';
import { VariableQuery } from './types';

/** Lists jobs, contracts, accounts, fields or the values of a field for a dashboard's variable. */
export class VariableSupport extends CustomVariableSupport<DataSource, VariableQuery> {
  // The base class hands the plainest data source to an editor.
  editor: ComponentType<any> = VariableEditor;

  constructor(private readonly datasource: DataSource) {
    super();
  }

  query(request: DataQueryRequest<VariableQuery>): Observable<DataQueryResponse> {
    const [target] = request.targets;
    const choices = target ? this.datasource.choices(target, request.scopedVars ?? {}) : Promise.resolve([]);
    // Grafana takes { text, value } as they are.
    return from(choices).pipe(map((data) => ({ data })));
  }
}
