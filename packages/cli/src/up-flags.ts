/** The flags that `up` and `demo` share. */
import { type Command, InvalidArgumentError } from 'commander';

export interface UpFlags {
  readonly data: string;
  readonly host: string;
  readonly masterPort: number;
  readonly agentPort: number;
  readonly monitorPort: number;
  readonly alertmanagerPort: number;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('a port is a whole number from 0 (any free port) to 65535');
  return value;
}

export function addUpFlags(command: Command): Command {
  return command
    .option('--data <folder>', 'where everything is kept', './pronoia-data')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--master-port <port>', 'port of the master', port, 5050)
    .option('--agent-port <port>', 'port of the agent', port, 5051)
    .option('--monitor-port <port>', 'port of the monitor and the page', port, 9090)
    .option('--alertmanager-port <port>', 'port of the alertmanager', port, 9093);
}
