// Shows the description with Swagger UI.

// Swagger UI writes an example into each field of a form. Here a field stays empty until the reader
// fills it, and is not sent before.
const emptyForms = () => ({
  components: { ParameterIncludeEmpty: () => null },
  wrapComponents: {
    JsonSchemaForm: (Field, { React }) => (props) =>
      React.createElement(Field, {
        ...props,
        dispatchInitialValue: props.dispatchInitialValue && false,
      }),
  },
});

async function start() {
  const address = document.querySelector("#description").href;
  const spec = await (await fetch(address)).json();
  // A reverse proxy may serve the API below a path.
  spec.servers = [{ url: new URL(".", address).href }];
  // The colours of its syntax are those of one scheme only.
  SwaggerUIBundle({ dom_id: "#viewer", spec, plugins: [emptyForms], syntaxHighlight: false });
}

start();
