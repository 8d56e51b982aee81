/**
 * Label names and values, each kept once and named by a small number.
 */
export class Symbols {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [];
  /** Sum of the texts' lengths: about their bytes. */
  #characters = 0;

  get size(): number {
    return this.#texts.length;
  }

  get characters(): number {
    return this.#characters;
  }

  intern(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#texts.length;
      // A label cut from a scrape page would keep the whole page alive: own the characters.
      const own = Buffer.from(text).toString();
      this.#ids.set(own, id);
      this.#texts.push(own);
      this.#characters += own.length;
    }
    return id;
  }

  /** −1 when the text is not there. */
  find(text: string): number {
    return this.#ids.get(text) ?? -1;
  }

  text(id: number): string {
    return this.#texts[id] as string;
  }
}
