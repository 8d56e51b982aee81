/** What stands around every page: the name, the ways to the pages, the colours. */
import {
  ActionIcon,
  AppShell,
  Badge,
  Burger,
  Group,
  NavLink,
  Text,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconBell, IconChartLine, IconMoon, IconRadar, IconServer2, IconSun } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { alerts } from './api/prometheus.ts';

const pages = [
  { to: '/', label: 'Cluster', icon: IconServer2 },
  { to: '/query', label: 'Query', icon: IconChartLine },
  { to: '/alerts', label: 'Alerts', icon: IconBell },
  { to: '/targets', label: 'Targets', icon: IconRadar },
] as const;

export function Frame() {
  const [opened, { toggle, close }] = useDisclosure(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const active = useQuery({ queryKey: ['alerts'], queryFn: ({ signal }) => alerts(signal), refetchInterval: 3000 });
  const firing = active.data?.filter((alert) => alert.state === 'firing').length ?? 0;

  return (
    <AppShell header={{ height: 48 }} navbar={{ width: 180, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Show the pages" />
            <img src="/favicon.svg" alt="" width={26} height={26} />
            <Text fw={600} size="lg">
              Pronoia
            </Text>
          </Group>
          <ColorSchemeSwitch />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs">
        {pages.map(({ to, label, icon: Icon }) => (
          <NavLink
            key={to}
            component={Link}
            to={to}
            label={label}
            leftSection={<Icon size={18} stroke={1.6} />}
            active={to === '/' ? path === '/' : path.startsWith(to)}
            onClick={close}
            rightSection={
              to === '/alerts' && firing > 0 ? (
                <Badge color="red" size="sm" circle aria-label={`${firing} firing`}>
                  {firing}
                </Badge>
              ) : undefined
            }
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

function ColorSchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  const label = dark ? 'Use light colours' : 'Use dark colours';
  return (
    <Tooltip label={label}>
      <ActionIcon variant="default" size="lg" aria-label={label} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
        {dark ? <IconSun size={18} stroke={1.6} /> : <IconMoon size={18} stroke={1.6} />}
      </ActionIcon>
    </Tooltip>
  );
}
