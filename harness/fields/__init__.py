"""Tables of configuration files and JSON → frozen dataclasses, and back; the fields of a class are what is allowed.

- NaN is stored as null, infinity as a text; in a field of type `Any`, where null is a value, both are texts.
- Enums are stored by their values, tuples as lists.
- A class with a class attribute `kind` is stored with it. Where the type of a field is an abstract class or a union
  of classes, `kind` selects the class.
- `field(metadata={"formerly": "NAME"})` also reads the field by its former name;
  `field(metadata={"stored": False})` is not stored, and `field(metadata={"stored": "if set"})` only where it is not
  the default, so that the keys of cells from before the field stay what they are.

Fields that are given in Python are converted by the same types, see `arguments`.
"""
