/** The cluster at a glance: agents and what is used of them, frameworks, tasks, what is alerting. */
import { Badge, Card, Group, Paper, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type AgentSummary, type ClusterState, clusterState, type FrameworkSummary } from '../api/cluster.ts';
import { ActiveAlerts } from '../parts/active-alerts.tsx';
import { Notice } from '../parts/notice.tsx';
import { QuickGraph } from '../parts/quick-graph.tsx';
import { ResourceBar } from '../parts/resource-bar.tsx';
import { type TaskRow, TaskTable } from '../parts/task-table.tsx';
import { megabytes, roughly, trim } from '../parts/text.ts';

export function Overview() {
  const state = useQuery({ queryKey: ['cluster'], queryFn: ({ signal }) => clusterState(signal), refetchInterval: 2000 });
  const cluster = state.data;

  return (
    <Stack gap="lg">
      {state.isError && <Notice title="The cluster could not be read" error={state.error} />}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
        {cluster !== undefined && <Agents agents={cluster.slaves} />}
        <Section title="Active alerts">
          <ActiveAlerts />
        </Section>
      </SimpleGrid>
      <Section title="Measure">
        <QuickGraph />
      </Section>
      {cluster !== undefined && <Work state={cluster} />}
    </Stack>
  );
}

function Agents({ agents }: { readonly agents: readonly AgentSummary[] }) {
  return (
    <Section title={`Agents (${agents.length})`}>
      {agents.length === 0 && <Text c="dimmed">No agent has registered.</Text>}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {agents.map((agent) => (
          <AgentCard key={agent.id} agent={agent} />
        ))}
      </SimpleGrid>
    </Section>
  );
}

function Work({ state }: { readonly state: ClusterState }) {
  const frameworks = [...state.frameworks, ...state.completed_frameworks];
  const running = rows(state, frameworks, (framework) => framework.tasks);
  const finished = rows(state, frameworks, (framework) => framework.completed_tasks);
  return (
    <>
      <Section title={`Frameworks (${state.frameworks.length} registered)`}>
        <FrameworkTable active={state.frameworks} completed={state.completed_frameworks} />
      </Section>
      <Section title={`Running tasks (${running.length})`}>
        <TaskTable tasks={running} empty="Nothing runs at the moment." />
      </Section>
      <Section title={`Finished tasks (${finished.length})`}>
        <TaskTable tasks={finished} empty="Nothing has finished yet." limit={50} />
      </Section>
    </>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: React.ReactNode }) {
  return (
    <Paper component="section" aria-label={title}>
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function AgentCard({ agent }: { readonly agent: AgentSummary }) {
  const bars = [
    { key: 'cpus', name: 'CPU', format: (value: number) => trim(value) },
    { key: 'mem', name: 'Memory', format: megabytes },
    { key: 'disk', name: 'Disk', format: megabytes },
  ] as const;
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between" mb={6} wrap="nowrap">
        <Text fw={600} truncate>
          {agent.hostname}
        </Text>
        <Badge color={agent.active ? 'green' : 'red'} variant="light">
          {agent.active ? 'active' : 'inactive'}
        </Badge>
      </Group>
      <Text size="xs" c="dimmed" ff="monospace" truncate title={agent.id} mb="xs">
        {agent.id}
      </Text>
      <Stack gap={6}>
        {bars.map(({ key, name, format }) => (
          <ResourceBar
            key={key}
            name={name}
            used={agent.used_resources[key] ?? 0}
            offered={agent.offered_resources?.[key] ?? 0}
            total={agent.resources[key] ?? 0}
            format={format}
          />
        ))}
      </Stack>
    </Card>
  );
}

interface FrameworkTableProps {
  readonly active: readonly FrameworkSummary[];
  readonly completed: readonly FrameworkSummary[];
}

function FrameworkTable({ active, completed }: FrameworkTableProps) {
  const nowSeconds = Date.now() / 1000;
  const newestFirst = [...completed].sort((a, b) => (b.registered_time ?? 0) - (a.registered_time ?? 0)).slice(0, 10);
  const all = [...active.map((framework) => ({ framework, done: false })), ...newestFirst.map((framework) => ({ framework, done: true }))];
  if (all.length === 0) return <Text c="dimmed">No framework has subscribed.</Text>;
  return (
    <Table.ScrollContainer minWidth={600}>
      <Table highlightOnHover verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Role</Table.Th>
            <Table.Th>CPU</Table.Th>
            <Table.Th>Memory</Table.Th>
            <Table.Th>Tasks</Table.Th>
            <Table.Th>Since</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {all.map(({ framework, done }) => (
            <Table.Tr key={framework.id} {...(done && { c: 'dimmed' })}>
              <Table.Td title={framework.id}>{framework.name}</Table.Td>
              <Table.Td>
                <Badge variant="light" color={done ? 'gray' : framework.active ? 'green' : 'orange'}>
                  {done ? 'completed' : framework.active ? 'active' : 'disconnected'}
                </Badge>
              </Table.Td>
              <Table.Td>{framework.roles?.join(', ') ?? framework.role ?? '*'}</Table.Td>
              <Table.Td>{trim(framework.used_resources?.cpus ?? 0)}</Table.Td>
              <Table.Td>{megabytes(framework.used_resources?.mem ?? 0)}</Table.Td>
              <Table.Td>
                {framework.tasks.length} running, {framework.completed_tasks.length} done
              </Table.Td>
              <Table.Td>{framework.registered_time === undefined ? '' : `${roughly(nowSeconds - framework.registered_time)} ago`}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** Tasks of all frameworks, the newest first. */
function rows(
  state: ClusterState,
  frameworks: readonly FrameworkSummary[],
  of: (framework: FrameworkSummary) => readonly TaskRow['task'][],
): TaskRow[] {
  const hostnames = new Map(state.slaves.map((agent) => [agent.id, agent.hostname]));
  return frameworks
    .flatMap((framework) =>
      of(framework).map((task) => ({ task, framework: framework.name, agent: hostnames.get(task.slave_id) ?? task.slave_id })),
    )
    .sort((a, b) => lastSeen(b.task) - lastSeen(a.task));
}

function lastSeen(task: TaskRow['task']): number {
  return task.statuses.at(-1)?.timestamp ?? 0;
}
