/** What this master says of its make. Clients read `version` as dotted integers (mesos.md §1.7), so it is the API's version, not ours. */
export const apiVersion = '1.11.0';

export const buildInfo = {
  version: apiVersion,
  build_date: '2025-01-01 00:00:00',
  build_time: 1_735_689_600,
  build_user: 'pronoia',
} as const;
