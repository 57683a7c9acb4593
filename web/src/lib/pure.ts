// What is drawn again only where it would be another drawing: for the many parts of a table.
import { Component, type ComponentChild } from "preact";

/** Whether any property is another. */
export function differ<P extends object>(one: P, other: P): boolean {
  for (const name in other) if (!Object.is(other[name], one[name])) return true; // NaN is itself
  return false;
}

/** A component of `draw`, which is called only where a property is another. All of them are told each time.
 * Not for elements that are kept instead (`useMemo`): each holds the whole tree that it was first drawn in,
 * and by what trees share all those that came between. */
export const pure = <P extends object>(draw: (props: P) => ComponentChild) =>
  class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return differ(this.props, next);
    }

    override render(props: P): ComponentChild {
      return draw(props);
    }
  };
