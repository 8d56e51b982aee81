import { Group, Table, Text } from '@mantine/core';
import { sandboxOf, type TaskSummary } from '../api/cluster.ts';
import { LinkAnchor } from './links.tsx';
import { TaskState } from './task-state.tsx';
import { clockTime, megabytes, trim } from './text.ts';

export interface TaskRow {
  readonly task: TaskSummary;
  readonly framework: string;
  readonly agent: string;
}

interface TaskTableProps {
  readonly tasks: readonly TaskRow[];
  readonly empty: string;
  readonly limit?: number;
}

/** Tasks with what they hold and the way to their logs. */
export function TaskTable({ tasks, empty, limit = 200 }: TaskTableProps) {
  if (tasks.length === 0) return <Text c="dimmed">{empty}</Text>;
  const shown = tasks.slice(0, limit);
  return (
    <>
      <Table.ScrollContainer minWidth={700}>
        <Table highlightOnHover verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Task</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th>Framework</Table.Th>
              <Table.Th>Agent</Table.Th>
              <Table.Th>CPU</Table.Th>
              <Table.Th>Memory</Table.Th>
              <Table.Th>Last change</Table.Th>
              <Table.Th>Sandbox</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map(({ task, framework, agent }) => {
              const last = task.statuses.at(-1);
              return (
                <Table.Tr key={`${task.framework_id}/${task.id}`}>
                  <Table.Td ff="monospace" title={task.name}>
                    {task.id}
                  </Table.Td>
                  <Table.Td title={last?.message}>
                    <TaskState state={task.state} />
                  </Table.Td>
                  <Table.Td>{framework}</Table.Td>
                  <Table.Td>{agent}</Table.Td>
                  <Table.Td>{trim(task.resources.cpus ?? 0)}</Table.Td>
                  <Table.Td>{megabytes(task.resources.mem ?? 0)}</Table.Td>
                  <Table.Td>{last === undefined ? '' : clockTime(last.timestamp)}</Table.Td>
                  <Table.Td>
                    <Group gap="xs" wrap="nowrap">
                      {['stdout', 'stderr'].map((file) => (
                        <LinkAnchor
                          key={file}
                          size="sm"
                          to="/sandbox/$agentId"
                          params={{ agentId: task.slave_id }}
                          search={{ path: sandboxOf(task), file }}
                        >
                          {file}
                        </LinkAnchor>
                      ))}
                    </Group>
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {tasks.length > shown.length && (
        <Text size="sm" c="dimmed" mt="xs">
          The newest {shown.length} of {tasks.length} are shown.
        </Text>
      )}
    </>
  );
}
