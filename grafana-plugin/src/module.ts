import { DataSourcePlugin } from '@grafana/data';
import { DataSource } from './datasource';
import { ConfigEditor } from './editors/ConfigEditor';
import { QueryEditor } from './editors/QueryEditor';
import { LibrumOptions, LibrumQuery, LibrumSecrets } from './types';

export const plugin = new DataSourcePlugin<DataSource, LibrumQuery, LibrumOptions, LibrumSecrets>(DataSource)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
