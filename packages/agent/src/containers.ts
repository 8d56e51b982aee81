/** Which containerizer runs a container: the first that can (mesos.md §9.9). A refusal names everyone's reason. */
import type { ContainerInfo } from '@pronoia/mesos';
import type { Container, Containerizer, ContainerSpec, RecoveredSpec } from './containerizer.ts';
import type { ProcessContainerizer } from './process-containerizer.ts';

export class Containers {
  readonly process: ProcessContainerizer;
  readonly #oci: Containerizer | undefined;
  readonly #docker: Containerizer | undefined;

  constructor(process: ProcessContainerizer, oci?: Containerizer, docker?: Containerizer) {
    this.process = process;
    this.#oci = oci;
    this.#docker = docker;
  }

  refusal(container: ContainerInfo | undefined, limits?: Readonly<Record<string, unknown>>): string | undefined {
    const chosen = this.#choose(container);
    if (typeof chosen === 'string') return chosen;
    if (Object.keys(limits ?? {}).length > 0 && !chosen.hasLimits)
      return 'resource limits need control groups: start the agent with --isolation=cgroups/cpu,cgroups/mem';
    return chosen.refusal(container);
  }

  launch(spec: ContainerSpec): Promise<Container> {
    const chosen = this.#choose(spec.container);
    return typeof chosen === 'string' ? Promise.reject(new Error(chosen)) : chosen.launch(spec);
  }

  /** What nobody here can run any more is found to have ended, by the process containerizer. */
  recover(spec: RecoveredSpec): Container {
    const chosen = this.#choose(spec.container);
    return (typeof chosen === 'string' ? this.process : chosen).recover(spec);
  }

  #choose(container: ContainerInfo | undefined): Containerizer | string {
    if (container?.type === 'DOCKER')
      return this.#docker ?? 'Docker containers need --containerizers=docker,… and an engine behind --docker_socket';
    if (container?.mesos?.image !== undefined)
      return this.#oci ?? 'container images need --image_providers=docker and runc or crun on this agent';
    return this.process;
  }
}
