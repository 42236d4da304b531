import { getTemplateSrv } from '@grafana/runtime';
import { Alert, CodeEditor, CodeEditorSuggestionItem, CodeEditorSuggestionItemKind, InlineField } from '@grafana/ui';
import React, { useEffect, useRef } from 'react';
import { DataSource } from '../datasource';
import { compile, MACROS, WORDS } from '../language';
import { Field, WithText } from '../types';
import { Builder } from './Builder';
import { asOptions, Choose, PickOne } from './Pick';
import { useLoaded } from './useLoaded';

interface Props<Q extends WithText> {
  query: Q;
  datasource: DataSource;
  onChange: (query: Q) => void;
}

/** What the code editor offers. */
export function suggestions(fields: Field[], variables: string[]): CodeEditorSuggestionItem[] {
  return [
    ...fields.map((f) => ({
      label: f.name,
      insertText: `${f.name}:`,
      kind: CodeEditorSuggestionItemKind.Field,
      detail: f.many ? `${f.type}, several` : f.type,
      documentation: f.doc,
    })),
    ...WORDS.map((label) => ({ label, kind: CodeEditorSuggestionItemKind.Constant })),
    ...MACROS.map(({ name, doc }) => ({ label: name, kind: CodeEditorSuggestionItemKind.Method, detail: doc })),
    ...variables.map((name) => ({ label: `$${name}`, kind: CodeEditorSuggestionItemKind.Text, detail: 'variable' })),
  ];
}

/** The query itself, by the builder or in the node's language. */
export function QueryText<Q extends WithText>({ query, datasource, onChange }: Props<Q>) {
  const { value: fields, error } = useLoaded(() => datasource.fields(), [], [datasource]);
  const known = useRef<Field[]>(fields);
  useEffect(() => {
    known.current = fields; // the editor asks once for what to offer, and later calls it
  }, [fields]);
  const editor = query.editor ?? 'builder';
  return (
    <>
      {error && <Alert severity="warning" title={`The list of fields is not to be had: ${error}`} />}
      <Choose
        label="Editor"
        options={[
          { value: 'builder', label: 'Builder' },
          { value: 'code', label: 'Code' },
        ]}
        value={editor}
        onChange={(next) =>
          // Code stays as it is when the builder opens: it begins where it was left, empty at first.
          onChange(
            next === 'builder'
              ? { ...query, editor: next, query: compile(query.filters ?? []) }
              : { ...query, editor: next }
          )
        }
      />
      {editor === 'builder' ? (
        <Builder
          filters={query.filters ?? []}
          fields={fields}
          datasource={datasource}
          onChange={(filters) => onChange({ ...query, filters, query: compile(filters) })}
        />
      ) : (
        <InlineField
          label="Query"
          labelWidth={16}
          grow
          tooltip="kind:round AND state:final AND accuracy>=0.9; docs/search.md has the language"
        >
          <CodeEditor
            language="plaintext"
            height={80}
            value={query.query ?? ''}
            showMiniMap={false}
            showLineNumbers={false}
            monacoOptions={{ wordWrap: 'on', scrollBeyondLastLine: false, folding: false }}
            getSuggestions={() =>
              suggestions(
                known.current,
                getTemplateSrv()
                  .getVariables()
                  .map((v) => v.name)
              )
            }
            onBlur={(text) => onChange({ ...query, query: text })}
            onSave={(text) => onChange({ ...query, query: text })}
          />
        </InlineField>
      )}
      <PickOne
        label="Times by"
        tooltip="The field by which the query is narrowed to the panel's times; none finds documents of all times"
        placeholder="time"
        options={asOptions([...fields.filter((f) => f.type === 'time').map((f) => f.name), 'none'])}
        value={query.timeField}
        onChange={(timeField) => onChange({ ...query, timeField })}
      />
    </>
  );
}
