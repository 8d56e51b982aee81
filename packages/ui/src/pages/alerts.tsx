/** Alerting: what is active, and the rules that watch. */
import { Accordion, Badge, Code, Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type Rule, rules } from '../api/prometheus.ts';
import { ActiveAlerts } from '../parts/active-alerts.tsx';
import { Notice } from '../parts/notice.tsx';

const stateColors: Readonly<Record<string, string>> = { firing: 'red', pending: 'yellow', inactive: 'green' };

export function Alerts() {
  const answer = useQuery({ queryKey: ['rules'], queryFn: ({ signal }) => rules(signal), refetchInterval: 5000 });
  return (
    <Stack>
      <Title order={1} size="h3">
        Alerts
      </Title>
      <ActiveAlerts />
      <Title order={2} size="h4">
        Rules
      </Title>
      {answer.isError && <Notice title="Rules could not be read" error={answer.error} />}
      {answer.data?.length === 0 && <Text c="dimmed">No rule files are loaded.</Text>}
      {answer.data?.map((group) => (
        <Stack key={`${group.file}/${group.name}`} gap={4}>
          <Text size="sm" c="dimmed">
            {group.name} · {group.file} · every {group.interval} s
          </Text>
          <Accordion variant="separated" multiple>
            {group.rules.map((rule) => (
              <Accordion.Item key={`${rule.name}/${rule.query}`} value={`${rule.name}/${rule.query}`}>
                <Accordion.Control>
                  <RuleTitle rule={rule} />
                </Accordion.Control>
                <Accordion.Panel>
                  <Stack gap="xs">
                    <Code block>{rule.query}</Code>
                    {rule.duration !== undefined && rule.duration > 0 && <Text size="sm">for {rule.duration} s</Text>}
                    {Object.entries(rule.annotations ?? {}).map(([name, value]) => (
                      <Text key={name} size="sm">
                        <b>{name}:</b> {value}
                      </Text>
                    ))}
                    {rule.lastError !== undefined && rule.lastError !== '' && <Notice title="The rule failed" error={rule.lastError} />}
                  </Stack>
                </Accordion.Panel>
              </Accordion.Item>
            ))}
          </Accordion>
        </Stack>
      ))}
    </Stack>
  );
}

function RuleTitle({ rule }: { readonly rule: Rule }) {
  const state = rule.health === 'err' ? 'error' : (rule.state ?? 'recording');
  return (
    <Group gap="sm">
      <Badge variant="light" w={90} color={state === 'error' ? 'red' : (stateColors[state] ?? 'blue')}>
        {state}
      </Badge>
      <Text size="sm" fw={500}>
        {rule.name}
      </Text>
    </Group>
  );
}
