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
    // A label cut from a scrape page would keep the whole page alive: own the characters.
    return this.#ids.get(text) ?? this.adopt(Buffer.from(text).toString());
  }

  /** A text that is not there yet and that nothing larger hangs on. */
  adopt(text: string): number {
    const id = this.#texts.length;
    this.#ids.set(text, id);
    this.#texts.push(text);
    this.#characters += text.length;
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
