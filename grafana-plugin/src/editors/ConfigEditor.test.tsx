import { DataSourceSettings } from '@grafana/data';
import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { LibrumOptions, LibrumSecrets } from '../types';
import { ConfigEditor } from './ConfigEditor';

function settings(change: Partial<DataSourceSettings<LibrumOptions, LibrumSecrets>> = {}) {
  return { url: '', jsonData: {}, secureJsonFields: {}, secureJsonData: {}, ...change } as DataSourceSettings<
    LibrumOptions,
    LibrumSecrets
  >;
}

describe('the settings', () => {
  it('keep the token apart from what comes back', () => {
    const onOptionsChange = jest.fn();
    render(<ConfigEditor options={settings()} onOptionsChange={onOptionsChange} />);
    fireEvent.change(screen.getByLabelText(/Token/), { target: { value: 'secret' } });
    const [changed] = onOptionsChange.mock.calls[0];
    expect(changed.secureJsonData).toEqual({ token: 'secret' });
    expect(JSON.stringify(changed.jsonData)).not.toContain('secret');
  });

  it('hide a token that is set', () => {
    render(<ConfigEditor options={settings({ secureJsonFields: { token: true } })} onOptionsChange={jest.fn()} />);
    expect(screen.getByText('Reset')).toBeInTheDocument();
  });

  it('ask for the certificate only where it is used, and warn', () => {
    const { rerender } = render(<ConfigEditor options={settings()} onOptionsChange={jest.fn()} />);
    expect(screen.queryByPlaceholderText(/BEGIN CERTIFICATE/)).toBeNull();
    rerender(
      <ConfigEditor
        options={settings({ jsonData: { tlsAuthWithCACert: true, tlsSkipVerify: true } })}
        onOptionsChange={jest.fn()}
      />
    );
    expect(screen.getByPlaceholderText(/BEGIN CERTIFICATE/)).toBeInTheDocument();
    expect(screen.getByText(/can read the token/)).toBeInTheDocument();
  });
});
