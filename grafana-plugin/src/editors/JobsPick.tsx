import { getTemplateSrv } from '@grafana/runtime';
import { Alert } from '@grafana/ui';
import React from 'react';
import { DataSource } from '../datasource';
import { PickMany } from './Pick';
import { useLoaded } from './useLoaded';

interface Props {
  datasource: DataSource;
  jobs?: string[];
  onChange: (jobs: string[]) => void;
}

/** Jobs, or variables that hold some. */
export function JobsPick({ datasource, jobs, onChange }: Props) {
  const { value: known, error } = useLoaded(() => datasource.jobs(), [], [datasource]);
  const variables = getTemplateSrv()
    .getVariables()
    .map(({ name }) => ({ value: `$${name}`, label: `$${name}` }));
  return (
    <>
      {error && <Alert severity="warning" title={`The list of jobs is not to be had: ${error}`} />}
      <PickMany
        label="Jobs"
        placeholder="the newest ten"
        options={[...variables, ...known.map(({ text, value }) => ({ value, label: text }))]}
        value={jobs}
        onChange={onChange}
      />
    </>
  );
}
