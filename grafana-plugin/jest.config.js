// force timezone to UTC to allow tests to work regardless of local timezone
// generally used by snapshots, but can affect specific tests
process.env.TZ = 'UTC';

const { grafanaESModules, nodeModulesToTransform } = require('./.config/jest/utils');
const base = require('./.config/jest.config');

module.exports = {
  // Jest configuration provided by Grafana scaffolding
  ...base,
  // Packages of Grafana 12 are modules that Node cannot require, some of them named .mjs.
  transform: { '^.+\\.(t|j)sx?$': base.transform['^.+\\.(t|j)sx?$'], '^.+\\.mjs$': base.transform['^.+\\.(t|j)sx?$'] },
  transformIgnorePatterns: [
    nodeModulesToTransform([
      ...grafanaESModules,
      '@grafana',
      'd3-[a-z-]+',
      'internmap',
      'delaunator',
      'robust-predicates',
    ]),
  ],
};
