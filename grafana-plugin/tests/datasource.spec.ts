import { expect, test } from '@grafana/plugin-e2e';

// Run where GRAFANA_URL points at a Grafana that has this plug-in; LIBRUM_URL and LIBRUM_TOKEN are a node's, as that Grafana
// reaches it.
const type = 'librum-datasource';
const url = process.env.LIBRUM_URL ?? 'http://127.0.0.1:8080';
const token = process.env.LIBRUM_TOKEN ?? '';

test.describe('settings', () => {
  test('are accepted where they are right', async ({ createDataSourceConfigPage, page }) => {
    test.skip(token === '', 'LIBRUM_TOKEN is not set');
    const config = await createDataSourceConfigPage({ type });
    await page.locator('#librum-url').fill(url);
    await page.locator('#librum-token').fill(token);
    await expect(config.saveAndTest()).toBeOK();
    await expect(page.getByText(/blocks are final/)).toBeVisible();
  });

  test('say that the token is missing', async ({ createDataSourceConfigPage, page }) => {
    const config = await createDataSourceConfigPage({ type });
    await page.locator('#librum-url').fill(url);
    await expect(config.saveAndTest()).not.toBeOK();
    await expect(page.getByText(/token is missing/)).toBeVisible();
  });
});

test.describe('queries', () => {
  test.skip(token === '', 'LIBRUM_TOKEN is not set');

  test.beforeEach(async ({ createDataSource, panelEditPage }) => {
    const source = await createDataSource({ type, url, secureJsonData: { token } } as never);
    await panelEditPage.datasource.set(source.name);
  });

  for (const [label, visualization] of [
    ['Blocks', 'Table'],
    ['Search', 'Table'],
    ['Health', 'Table'],
  ] as const) {
    test(`${label} brings data`, async ({ panelEditPage, page }) => {
      await panelEditPage.getQueryEditorRow('A').getByLabel('Query type').click();
      await page.getByText(label, { exact: true }).last().click();
      await panelEditPage.setVisualization(visualization);
      await expect(panelEditPage.refreshPanel()).toBeOK();
      await expect(panelEditPage.panel.getErrorIcon()).not.toBeVisible();
    });
  }

  test('a query that cannot be read is told', async ({ panelEditPage, page }) => {
    await panelEditPage.getQueryEditorRow('A').getByLabel('Query type').click();
    await page.getByText('Search', { exact: true }).last().click();
    await panelEditPage.getQueryEditorRow('A').getByText('Code').click();
    await page.locator('.monaco-editor textarea').first().fill('height:many');
    await page.keyboard.press('Control+s');
    await expect(panelEditPage.panel.getErrorIcon()).toBeVisible();
  });
});

test.describe('dashboards', () => {
  for (const uid of ['librum-chain', 'librum-training', 'librum-node']) {
    test(`${uid} opens, where it is provisioned`, async ({ gotoDashboardPage, request, page }) => {
      const found = await request.get(`/api/dashboards/uid/${uid}`);
      test.skip(found.status() === 404, 'not provisioned');
      await gotoDashboardPage({ uid });
      await expect(page.getByText('Plugin not found')).toHaveCount(0);
    });
  }
});
