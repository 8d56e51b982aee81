import { Badge, Group, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { alerts } from '../api/prometheus.ts';
import { Notice } from './notice.tsx';
import { clockTime, short } from './text.ts';

/** What is pending or firing now, with its words. */
export function ActiveAlerts() {
  const answer = useQuery({ queryKey: ['alerts'], queryFn: ({ signal }) => alerts(signal), refetchInterval: 3000 });
  if (answer.isError) return <Notice title="Alerts could not be read" error={answer.error} />;
  if (answer.data === undefined) return null;
  if (answer.data.length === 0) return <Text c="dimmed">Nothing is alerting.</Text>;
  return (
    <Table.ScrollContainer minWidth={500}>
      <Table verticalSpacing={6}>
        <Table.Tbody>
          {answer.data.map((alert) => (
            <Table.Tr key={JSON.stringify(alert.labels)}>
              <Table.Td w={90}>
                <Badge color={alert.state === 'firing' ? 'red' : 'yellow'} variant="light">
                  {alert.state}
                </Badge>
              </Table.Td>
              <Table.Td>
                <Stack gap={2}>
                  <Text fw={600} size="sm">
                    {alert.labels['alertname']}
                  </Text>
                  <Text size="sm">{alert.annotations['summary'] ?? alert.annotations['description'] ?? ''}</Text>
                  <Group gap={4}>
                    {Object.entries(alert.labels)
                      .filter(([name]) => name !== 'alertname')
                      .map(([name, value]) => (
                        <Badge key={name} size="sm" variant="default" tt="none">
                          {name}={value}
                        </Badge>
                      ))}
                  </Group>
                </Stack>
              </Table.Td>
              <Table.Td ff="monospace">{short(Number(alert.value))}</Table.Td>
              <Table.Td>{alert.activeAt === undefined ? '' : `since ${clockTime(Date.parse(alert.activeAt) / 1000)}`}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
