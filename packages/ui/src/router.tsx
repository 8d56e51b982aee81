/** The page's addresses, one route each. Prometheus' own addresses lead to their counterparts, so that old links work. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { Frame } from './frame.tsx';
import { Overview } from './pages/overview.tsx';

const root = createRootRoute({ component: Frame });

const overview = createRoute({ getParentRoute: () => root, path: '/', component: Overview });

export interface QuerySearch {
  readonly expr: string;
  readonly tab: 'graph' | 'table';
  /** Width of the graph in seconds. */
  readonly range: number;
  /** Right edge in Unix seconds; absent = now, and moving. */
  readonly end?: number;
}

const query = createRoute({
  getParentRoute: () => root,
  path: '/query',
  validateSearch: (search: Record<string, unknown>): QuerySearch => ({
    expr: typeof search['expr'] === 'string' ? search['expr'] : '',
    tab: search['tab'] === 'table' ? 'table' : 'graph',
    range: Number(search['range']) > 0 ? Number(search['range']) : 900,
    ...(Number(search['end']) > 0 && { end: Number(search['end']) }),
  }),
  component: lazyRouteComponent(() => import('./pages/query.tsx'), 'Query'),
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: '/alerts',
  component: lazyRouteComponent(() => import('./pages/alerts.tsx'), 'Alerts'),
});

const targets = createRoute({
  getParentRoute: () => root,
  path: '/targets',
  component: lazyRouteComponent(() => import('./pages/targets.tsx'), 'Targets'),
});

const sandbox = createRoute({
  getParentRoute: () => root,
  path: '/sandbox/$agentId',
  validateSearch: (search: Record<string, unknown>): { path: string; file: string } => ({
    path: typeof search['path'] === 'string' ? search['path'] : '/',
    file: typeof search['file'] === 'string' ? search['file'] : 'stdout',
  }),
  component: lazyRouteComponent(() => import('./pages/sandbox.tsx'), 'Sandbox'),
});

/** `/graph?g0.expr=…` is what Prometheus puts into an alert's generatorURL. */
const graph = createRoute({
  getParentRoute: () => root,
  path: '/graph',
  beforeLoad: ({ location }) => {
    const old = new URLSearchParams(location.searchStr);
    throw redirect({
      to: '/query',
      search: { expr: old.get('g0.expr') ?? '', tab: old.get('g0.tab') === '1' ? 'table' : 'graph', range: 900 },
    });
  },
});

export const router = createRouter({
  routeTree: root.addChildren([overview, query, alerts, targets, sandbox, graph]),
  defaultPreload: 'intent',
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
