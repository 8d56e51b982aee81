import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMatcher, formatDuration, formatFloat, parseDuration, parseTextFormat } from '@pronoia/model';
import { expect, test } from 'vitest';

test('the example of the README runs and prints what it says', () => {
  const printed: string[] = [];
  const print = (line: string): void => void printed.push(line);
  // README
  const page = Buffer.from('# TYPE http_requests_total counter\nhttp_requests_total{code="200"} 1027\nhttp_requests_total{code="500"} 3\n');
  const errors = createMatcher('=~', 'code', '5..');
  parseTextFormat(page, {
    sample(line) {
      const labels = line.labels();
      if (errors.matches(labels.get('code'))) print(`${String(labels)} ${formatFloat(line.value)}`); // http_requests_total{code="500"} 3
    },
  });
  print(formatDuration(parseDuration('90m'))); // 1h30m
  // END
  expect(printed).toEqual(['http_requests_total{code="500"} 3', '1h30m']);
  const here = readFileSync(import.meta.filename, 'utf8');
  const example = (here.split('  // README\n')[1] as string).split('  // END\n')[0] as string;
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  expect(readme).toContain(example.replaceAll(/^ {2}/gm, ''));
});
