import { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { Alert, FieldSet, InlineField, InlineSwitch, Input, SecretInput, SecretTextArea } from '@grafana/ui';
import React from 'react';
import { LibrumOptions, LibrumSecrets } from '../types';

type Props = DataSourcePluginOptionsEditorProps<LibrumOptions, LibrumSecrets>;

const LABEL = 22;

/** URL, token and TLS of a node. Secrets go to the back end and never come back. */
export function ConfigEditor({ options, onOptionsChange }: Props) {
  const { jsonData, secureJsonData, secureJsonFields } = options;
  const set = (change: Partial<LibrumOptions>) => onOptionsChange({ ...options, jsonData: { ...jsonData, ...change } });
  const setSecret = (change: LibrumSecrets) =>
    onOptionsChange({ ...options, secureJsonData: { ...secureJsonData, ...change } });
  const reset = (name: keyof LibrumSecrets) =>
    onOptionsChange({
      ...options,
      secureJsonFields: { ...secureJsonFields, [name]: false },
      secureJsonData: { ...secureJsonData, [name]: '' },
    });
  return (
    <>
      <FieldSet label="Node">
        <InlineField label="URL" labelWidth={LABEL} tooltip="Address of the node's HTTP interface" required>
          <Input
            id="librum-url"
            width={50}
            value={options.url}
            placeholder="https://node.example:8443"
            onChange={(e) => onOptionsChange({ ...options, url: e.currentTarget.value })}
          />
        </InlineField>
        <InlineField
          label="Token"
          labelWidth={LABEL}
          tooltip="A bearer token of the member as whom Grafana reads: librum identity token"
          required
        >
          <SecretInput
            id="librum-token"
            width={50}
            isConfigured={Boolean(secureJsonFields?.token)}
            value={secureJsonData?.token ?? ''}
            onReset={() => reset('token')}
            onChange={(e) => setSecret({ token: e.currentTarget.value })}
          />
        </InlineField>
        <InlineField
          label="Allow plain HTTP"
          labelWidth={LABEL}
          tooltip="Also for a node on another machine. Whoever sits between reads the token."
        >
          <InlineSwitch
            id="librum-plain"
            value={jsonData.plainHTTP ?? false}
            onChange={(e) => set({ plainHTTP: e.currentTarget.checked })}
          />
        </InlineField>
      </FieldSet>
      <FieldSet label="TLS">
        <InlineField
          label="With CA cert"
          labelWidth={LABEL}
          tooltip="For nodes whose authority this machine does not know"
        >
          <InlineSwitch
            id="librum-ca"
            value={jsonData.tlsAuthWithCACert ?? false}
            onChange={(e) => set({ tlsAuthWithCACert: e.currentTarget.checked })}
          />
        </InlineField>
        {jsonData.tlsAuthWithCACert && (
          <InlineField label="CA certificate" labelWidth={LABEL}>
            <SecretTextArea
              id="librum-ca-cert"
              cols={50}
              rows={6}
              placeholder="-----BEGIN CERTIFICATE-----"
              isConfigured={Boolean(secureJsonFields?.tlsCACert)}
              value={secureJsonData?.tlsCACert ?? ''}
              onReset={() => reset('tlsCACert')}
              onChange={(e) => setSecret({ tlsCACert: e.currentTarget.value })}
            />
          </InlineField>
        )}
        <InlineField
          label="Server name"
          labelWidth={LABEL}
          tooltip="In the node's certificate, where it is not that of the URL"
        >
          <Input
            id="librum-server-name"
            width={50}
            value={jsonData.serverName ?? ''}
            onChange={(e) => set({ serverName: e.currentTarget.value })}
          />
        </InlineField>
        <InlineField label="Skip verification" labelWidth={LABEL}>
          <InlineSwitch
            id="librum-skip"
            value={jsonData.tlsSkipVerify ?? false}
            onChange={(e) => set({ tlsSkipVerify: e.currentTarget.checked })}
          />
        </InlineField>
        {jsonData.tlsSkipVerify && (
          <Alert
            severity="warning"
            title="Whoever sits between Grafana and the node can read the token and answer in its place."
          />
        )}
      </FieldSet>
    </>
  );
}
