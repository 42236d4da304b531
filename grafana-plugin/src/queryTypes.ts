import { ComponentType } from 'react';
import { AggregateEditor } from './editors/AggregateEditor';
import { AnnotationsEditor } from './editors/AnnotationsEditor';
import { BlocksEditor } from './editors/BlocksEditor';
import { HealthEditor } from './editors/HealthEditor';
import { SearchEditor } from './editors/SearchEditor';
import { TrainingEditor } from './editors/TrainingEditor';
import { DataSource } from './datasource';
import { LibrumQuery, QueryType } from './types';

/** What every editor of a query type is given. */
export interface EditorProps<Q extends LibrumQuery> {
  query: Q;
  datasource: DataSource;
  /** Changes the query and asks it. */
  onChange: (query: Q) => void;
}

interface Entry {
  type: QueryType;
  label: string;
  description: string;
  editor: ComponentType<EditorProps<any>>;
}

/** One entry a query type; the files of the back end have the same names. */
export const QUERY_TYPES: Entry[] = [
  {
    type: 'search',
    label: 'Search',
    description: 'Documents of final blocks, as rows or log lines',
    editor: SearchEditor,
  },
  { type: 'aggregate', label: 'Aggregate', description: 'Numbers over time or by group', editor: AggregateEditor },
  { type: 'training', label: 'Training', description: 'What the rounds of jobs reached', editor: TrainingEditor },
  { type: 'blocks', label: 'Blocks', description: 'Height, transactions, size and time', editor: BlocksEditor },
  { type: 'health', label: 'Health', description: 'Where the node stands now', editor: HealthEditor },
  { type: 'annotations', label: 'Annotations', description: 'Rounds or blocks as marks', editor: AnnotationsEditor },
];
