// The picture of the rooms (docs/architecture.md) as rules: imports go down a wing only, neighbours never import each other.
const may = {
  client: [],
  server: ['client'],
  model: [],
  tsdb: ['model', 'client'],
  promql: ['model', 'client'],
  monitor: ['model', 'tsdb', 'promql', 'server', 'client'],
  alertmanager: ['model', 'server', 'client'],
  mesos: [],
  allocator: ['mesos'],
  framework: ['mesos'],
  master: ['mesos', 'allocator', 'server', 'client'],
  agent: ['mesos', 'framework', 'server', 'client'],
  workloads: ['mesos', 'framework', 'server', 'client'],
  ui: ['model', 'promql'],
  cli: ['master', 'agent', 'monitor', 'alertmanager', 'workloads', 'server', 'client', 'mesos', 'framework', 'model', 'tsdb', 'promql'],
};

// Rooms above the ground floor that tests of a lower room may meet as real counterparts.
const tests = '\\.test\\.tsx?$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: { pathNot: tests }, to: { couldNotResolve: true } },
    ...Object.entries(may).map(([room, allowed]) => ({
      name: `${room}-looks-down-only`,
      severity: 'error',
      from: { path: `^packages/${room}/src/`, pathNot: tests },
      to: { path: '^packages/', pathNot: `^packages/(${[room, ...allowed].join('|')})/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['source', 'import', 'default'], extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'] },
  },
};
