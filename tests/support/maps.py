"""Maps for tests: a small one that is right, to be changed in one place."""

ORDER = """
source = "shop"
external_id = "{No}"
customer = { code = "{Customer}", name = "{Name}" }
contact = { name = "Sales", phone = "+86 21 5555 0101" }
delivery.address = "{Address}"
channel = "online"
sale_type = "domestic"
entry_system = "ERP"
currency = "CNY"
total = "sum"
requested_date = { from = "today", plus_days = 7 }
payment = { method = "wire", terms = "prepaid" }
"""
LINE = """
product = "{Product}"
quantity = "{Quantity}"
unit_price = "{Price}"
"""


def a_map(order: str = ORDER, line: str = LINE, more: str = "", group_by: str = 'group_by = "No"') -> str:
    return f"{group_by}\n[order]\n{order}\n[line]\n{line}\n{more}"


def replaced(name: str, value: str) -> str:
    """The order's table with another value for a field."""
    lines = [line for line in ORDER.splitlines() if not line.startswith(name)]
    return "\n".join([*lines, f"{name} = {value}"])
