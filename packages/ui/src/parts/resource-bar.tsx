import { Group, Progress, Stack, Text } from '@mantine/core';

interface ResourceBarProps {
  readonly name: string;
  readonly used: number;
  readonly offered: number;
  readonly total: number;
  readonly format: (value: number) => string;
}

/** One resource of one agent (or of the cluster): what tasks hold, what lies in offers, what there is. */
export function ResourceBar({ name, used, offered, total, format }: ResourceBarProps) {
  const share = (value: number): number => (total > 0 ? Math.min(100, (100 * value) / total) : 0);
  return (
    <Stack gap={2}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="xs" c="dimmed">
          {name}
        </Text>
        <Text size="xs" ff="monospace">
          {format(used)} / {format(total)}
        </Text>
      </Group>
      <Progress.Root size="md" aria-label={`${name}: ${format(used)} of ${format(total)} used`}>
        <Progress.Section value={share(used)} color={share(used) > 90 ? 'red' : 'blue'} aria-label={`${name} used`} />
        <Progress.Section value={share(offered)} color="gray" aria-label={`${name} offered`} />
      </Progress.Root>
    </Stack>
  );
}
