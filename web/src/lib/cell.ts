// A value that tells who looks at it when it changes. All the state that parts of the page share
// is in cells; there is no other library for it.
import { useEffect, useState } from "preact/hooks";

export class Cell<T> {
  private readonly listeners = new Set<(value: T) => void>();

  constructor(private held: T) {}

  get value(): T {
    return this.held;
  }

  set value(next: T) {
    if (Object.is(next, this.held)) return;
    this.held = next;
    for (const listener of [...this.listeners]) listener(next);
  }

  /** Call `listener` at every change; returns how to stop it. */
  watch(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** The value of a cell; the component is drawn again when it changes. */
export function useCell<T>(cell: Cell<T>): T {
  const [, draw] = useState(0);
  const held = cell.value;
  useEffect(() => {
    const again = () => draw((n) => n + 1);
    if (!Object.is(cell.value, held)) again(); // effects come after the drawing: it has changed since
    return cell.watch(again);
  }, [cell]);
  return held;
}
