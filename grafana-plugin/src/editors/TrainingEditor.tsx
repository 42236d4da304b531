import React from 'react';
import type { EditorProps } from '../queryTypes';
import { TrainingQuery } from '../types';
import { JobsPick } from './JobsPick';
import { Choose, PickMany, Switch } from './Pick';
import { useLoaded } from './useLoaded';

/** What the rounds of jobs reached, or what each peer answered. */
export function TrainingEditor({ query, datasource, onChange }: EditorProps<TrainingQuery>) {
  const job = query.jobs?.length === 1 ? query.jobs[0] : undefined;
  const { value: metrics } = useLoaded(() => datasource.metrics(job), [], [datasource, job]);
  const series = query.format !== 'table';
  const live = series && (query.by ?? 'round') === 'round' && (query.axis ?? 'time') === 'time';
  return (
    <>
      <JobsPick datasource={datasource} jobs={query.jobs} onChange={(jobs) => onChange({ ...query, jobs })} />
      <Choose
        label="By"
        tooltip="What rounds reached is the claim of the node that committed; what peers answered is theirs"
        options={[
          { value: 'round', label: 'Round' },
          { value: 'peer', label: 'Peer' },
        ]}
        value={query.by ?? 'round'}
        onChange={(by) => onChange({ ...query, by })}
      />
      <Choose
        label="Format"
        options={[
          { value: 'time_series', label: 'Series' },
          { value: 'table', label: 'Table' },
        ]}
        value={query.format ?? 'time_series'}
        onChange={(format) => onChange({ ...query, format })}
      />
      {series && (
        <>
          <PickMany
            label="Metrics"
            placeholder="all metrics"
            options={metrics.map(({ text, value }) => ({ value, label: text }))}
            value={query.metrics}
            onChange={(chosen) => onChange({ ...query, metrics: chosen })}
          />
          <Choose
            label="Over"
            tooltip="The number of the round compares jobs; use a trend or XY panel"
            options={[
              { value: 'time', label: 'Time' },
              { value: 'round', label: 'Number of the round' },
            ]}
            value={query.axis ?? 'time'}
            onChange={(axis) => onChange({ ...query, axis })}
          />
        </>
      )}
      {live && (
        <Switch
          id={`librum-stream-${query.refId}`}
          label="Live"
          tooltip="Rounds to come too, of one job, with all numbers"
          value={query.stream ?? false}
          onChange={(stream) => onChange({ ...query, stream })}
        />
      )}
    </>
  );
}
