// drive.mjs URL CHROMIUM FOLDER : uses the editors of the page as a person does, keeps pictures of them in the folder, and
// prints the queries that came of it as JSON.
import { chromium } from 'playwright-core';

const [url, executablePath, folder] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const queries = {};
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  page.setDefaultTimeout(120_000);
  page.on('pageerror', (error) => {
    throw error;
  });
  const state = async () => JSON.parse(await page.locator('#state').textContent());
  // until waits until the state is as wanted; the test's own time bounds it.
  const until = async (wanted, is) => {
    await page.waitForFunction(
      ([text]) => new Function('s', `return ${text}`)(JSON.parse(document.querySelector('#state').textContent)),
      [is]
    );
    queries[wanted] = await state();
    await page.screenshot({ path: `${folder}/${wanted}.png` });
  };
  const pick = async (label, text) => {
    await page.getByLabel(label, { exact: true }).fill(text);
    await page.getByRole('option', { name: text }).first().click();
  };

  await page.goto(url);
  await until('blocks', "s.queryType === 'blocks'");

  await pick('Query type', 'Search');
  await page.getByRole('button', { name: 'Add condition' }).click();
  await pick('Value 1', 'round'); // the node's own value
  await until('search', "s.query === 'kind:round'");

  await pick('Query type', 'Aggregate');
  await page.getByRole('button', { name: 'Add condition' }).click();
  await pick('Value 1', 'event');
  await pick('Group by', 'type');
  await until('aggregate', "s.query === 'kind:event' && s.groupBy?.[0] === 'type'");

  await pick('Query type', 'Training');
  await pick('Jobs', 'rounds'); // in the text of every job
  await until('training', 's.jobs?.length === 1');

  await pick('Query type', 'Health');
  await until('health', "s.queryType === 'health'");

  await page.goto(`${url}?page=config`);
  await page.locator('#librum-url').fill('https://node.example:8443');
  await page.locator('#librum-token').fill('a-secret');
  await until('config', "s.url === 'https://node.example:8443'");
  if (JSON.stringify(queries.config).includes('a-secret') || (await page.content()).includes('a-secret"}')) {
    throw new Error('the token stands beside the settings that come back');
  }
  delete queries.config;
} finally {
  await browser.close();
}
console.log(JSON.stringify(queries));
